namespace Twins.Worker;

internal static class SetExtensions
{
    /// <summary>The set has what the other one has, and nothing else.</summary>
    public static void ReplaceBy<T>(this HashSet<T> set, IEnumerable<T> by)
    {
        set.Clear();
        set.UnionWith(by);
    }
}

namespace Twins.Diversion.Linux;

/// <summary>One transaction.</summary>
/// <param name="Gone">Diverted no longer, or to another queue.</param>
/// <param name="Come">Diverted from now on.</param>
internal readonly record struct TargetChanges(
    IReadOnlyCollection<KeyValuePair<DivertTarget, ushort>> Gone, IReadOnlyCollection<KeyValuePair<DivertTarget, ushort>> Come)
{
    public bool IsEmpty => Gone.Count + Come.Count == 0;
}

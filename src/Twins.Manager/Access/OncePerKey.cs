namespace Twins.Manager.Access;

/// <summary>
/// Tells the first time of a key, so that a caller who tries again and again fills no log. Bounded: when it is full it
/// starts anew. Thread safe.
/// </summary>
internal sealed class OncePerKey
{
    private const int MostKeys = 1024;

    private readonly Lock _lock = new();
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);

    public bool IsFirst(string key)
    {
        lock (_lock)
        {
            if (_seen.Count >= MostKeys)
                _seen.Clear();
            return _seen.Add(key);
        }
    }
}

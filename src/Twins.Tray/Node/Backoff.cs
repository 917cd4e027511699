namespace Twins.Tray.Node;

/// <summary>Pauses between attempts: each twice as long as the one before, 10 s at most.</summary>
internal sealed class Backoff
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    private TimeSpan _next = First;

    /// <summary>How long to wait now.</summary>
    public TimeSpan Next()
    {
        var now = _next;
        _next = now * 2 < Longest ? now * 2 : Longest;
        return now;
    }

    /// <summary>An attempt succeeded.</summary>
    public void Reset() => _next = First;
}

namespace Twins.Diversion.Windows;

/// <summary>
/// Protects what is diverted when nobody diverts it, because the twin has died or hangs: the handles that twinsd keeps beside the twins'.
/// <code>
/// silence   what local sockets would answer is dropped
/// guard     what comes in and no twin has captured is dropped, so that nothing gets to local sockets; so is what a guest sends
/// </code>
/// The driver does both by itself; nothing is read. If this program dies, both end with it. Safe for several threads.
/// </summary>
public sealed class WinDivertProtection : IDisposable
{
    private readonly Lock _changing = new();
    private Dictionary<string, WinDivertDevice> _silence = [];
    private Dictionary<string, WinDivertDevice> _guard = [];
    private bool _disposed;

    /// <summary>Protects these targets from now on, and no others. What stays protected is so without a gap.</summary>
    /// <exception cref="DiversionException">The driver refuses, or a part doesn't fit into a filter; what was protected still is.</exception>
    public void Change(IReadOnlyCollection<DivertTarget> targets)
    {
        lock (_changing)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            // Silence first: what a twin captures from here on is answered by nobody else.
            _silence = Replace(_silence, TargetFilters.Silence(targets), HandlePriorities.Silence);
            _guard = Replace(_guard, TargetFilters.Guard(targets), HandlePriorities.Guard);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_changing)
        {
            if (_disposed)
                return;
            _disposed = true;
            foreach (var device in _silence.Values.Concat(_guard.Values))
                device.Dispose();
        }
    }

    private static Dictionary<string, WinDivertDevice> Replace(Dictionary<string, WinDivertDevice> old, IReadOnlyList<PacketFilter> filters, short priority)
    {
        var next = new Dictionary<string, WinDivertDevice>();
        try
        {
            foreach (var filter in filters)
            {
                var text = filter.ToString();
                next[text] = old.GetValueOrDefault(text) ?? WinDivertDevice.Open(filter, priority, WinDivertFlags.Drop);
            }
        }
        catch
        {
            foreach (var (text, device) in next)
            {
                if (!old.ContainsKey(text))
                    device.Dispose();
            }

            throw;
        }

        foreach (var (text, device) in old)
        {
            if (!next.ContainsKey(text))
                device.Dispose();
        }

        return next;
    }
}

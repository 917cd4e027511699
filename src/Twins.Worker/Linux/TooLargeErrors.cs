using Twins.Diversion.Linux;
using Twins.Packets;

namespace Twins.Worker.Linux;

/// <summary>
/// The ICMP errors that our own stack owes to packets which it refused as too large: fragmentation needed (RFC 792, RFC 1191). At
/// most <see cref="PerPeriod"/> in <see cref="PeriodMilliseconds"/>. For the data thread.
/// </summary>
internal sealed class TooLargeErrors
{
    public const int PerPeriod = 50;
    public const int PeriodMilliseconds = 100;

    private readonly byte[][] _errors = [.. Enumerable.Range(0, PerPeriod).Select(_ => new byte[IcmpError.MaximumLength])];
    private readonly int[] _lengths = new int[PerPeriod];
    private long _periodEnds;
    private int _made;
    private int _taken;

    /// <summary>A packet was refused. It may be gone after the call.</summary>
    public void Add(ReadOnlySpan<byte> packet)
    {
        var now = Environment.TickCount64;
        if (now >= _periodEnds && _taken == _made)
            (_periodEnds, _made, _taken) = (now + PeriodMilliseconds, 0, 0);
        if (_made == PerPeriod || PathMtu.Towards(Ipv4Header.DestinationOf(packet)) is not { } mtu || mtu >= packet.Length)
            return;
        _lengths[_made] = IcmpError.WriteFragmentationNeeded(_errors[_made], packet, (ushort)mtu);
        _made++;
    }

    /// <summary>The next error, from and to the address that sent the packet; valid until the next call.</summary>
    public bool TryTake(out Span<byte> error)
    {
        error = default;
        if (_taken == _made)
            return false;
        error = _errors[_taken].AsSpan(0, _lengths[_taken]);
        _taken++;
        return true;
    }
}

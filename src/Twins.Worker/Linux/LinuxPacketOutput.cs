using Twins.Diversion.Linux;
using Twins.Packets;
using Twins.Redirection;

namespace Twins.Worker.Linux;

/// <summary>
/// The network through the raw socket, the cabins through their TUN devices. Segments of one flow that come one after the other
/// leave as one superpacket, which the kernel cuts again where it has to.
/// </summary>
internal sealed class LinuxPacketOutput : PacketOutput
{
    private readonly RawSender _sender;
    private readonly SuperpacketSender? _superpackets;
    private readonly Dictionary<int, Tun> _cabins = [];
    private readonly Superpacket _gathered = new();
    private readonly Superpacket _whole = new();
    private Side _gatheredFor;
    private long _cabinRefusals;

    public LinuxPacketOutput(RawSender sender, SuperpacketSender? superpackets)
    {
        _sender = sender;
        _superpackets = superpackets;
        sender.TooLarge = TooLargeErrors.Add;
    }

    /// <summary>What is to be told about packets that were too large for the network.</summary>
    public TooLargeErrors TooLargeErrors { get; } = new();

    /// <inheritdoc/>
    public override long TooLarge => _sender.Counters.TooLarge;

    /// <inheritdoc/>
    public override long SendFailed => _sender.Counters.Refused - _sender.Counters.TooLarge + _cabinRefusals;

    /// <inheritdoc/>
    public override void SetCabin(int index, Tun? tun)
    {
        if (tun is null)
            _cabins.Remove(index);
        else
            _cabins[index] = tun;
    }

    /// <inheritdoc/>
    public override void Send(Side side, ReadOnlySpan<byte> packet)
    {
        SendGathered();
        if (!side.IsCabin)
            _sender.Enqueue(packet);
        else
            ToCabin(side, packet);
    }

    /// <inheritdoc/>
    public override void SendInPlace(Side side, in PacketView packet)
    {
        if (side == _gatheredFor && _gathered.TryAppend(packet))
            return;
        SendGathered();
        if (_gathered.TryStart(packet))
            _gatheredFor = side;
        else if (side.IsCabin)
            ToCabin(side, packet.Bytes);
        else
            _sender.EnqueueInPlace(packet.Bytes);
    }

    /// <summary>Sends a TCP packet whose checksum field holds the pseudo-header's sum into a cabin.</summary>
    public void SendPartial(Side cabin, in PacketView packet)
    {
        SendGathered();
        if (!_cabins.TryGetValue(cabin.CabinIndex, out var tun) || tun.WritePartial(packet) != 0)
            _cabinRefusals++;
    }

    /// <summary>Sends a packet that is to be cut, at once; its transport checksum doesn't matter.</summary>
    /// <param name="side">Where to.</param>
    /// <param name="packet">In native or pinned memory.</param>
    /// <param name="segmentPayloadBytes">Octets of data per segment.</param>
    /// <param name="nowMilliseconds">The clock.</param>
    /// <returns>False if the caller has to cut it: then nothing was sent.</returns>
    public bool TrySendSuperpacket(Side side, in PacketView packet, int segmentPayloadBytes, long nowMilliseconds)
    {
        Flush();
        if (!_whole.TryWrap(packet, segmentPayloadBytes))
            return false;
        var sent = side.IsCabin
            ? _cabins.TryGetValue(side.CabinIndex, out var tun) && tun.Write(_whole) == 0
            : _superpackets?.TrySend(_whole, nowMilliseconds) == true;
        _whole.Clear();
        return sent;
    }

    /// <inheritdoc/>
    public override void SendToNetwork(ReadOnlySpan<byte> packet)
    {
        SendGathered();
        _sender.Enqueue(packet);
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        SendGathered();
        _sender.Flush();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _gathered.Dispose();
        _whole.Dispose();
    }

    private void ToCabin(Side side, ReadOnlySpan<byte> packet)
    {
        if (!_cabins.TryGetValue(side.CabinIndex, out var tun) || tun.Write(packet) != 0)
            _cabinRefusals++;
    }

    private void SendGathered()
    {
        if (_gathered.Count == 0)
            return;
        if (_gathered.Count == 1 || !TrySendGathered())
        {
            for (var i = 0; i < _gathered.Count; i++)
            {
                if (_gatheredFor.IsCabin)
                    ToCabin(_gatheredFor, _gathered[i]);
                else
                    _sender.EnqueueInPlace(_gathered[i]);
            }
        }

        _gathered.Clear();
    }

    private bool TrySendGathered()
    {
        if (_gatheredFor.IsCabin)
            return _cabins.TryGetValue(_gatheredFor.CabinIndex, out var tun) && tun.Write(_gathered) == 0;
        // Another socket: what was enqueued before goes before.
        _sender.Flush();
        return _superpackets?.TrySend(_gathered, Environment.TickCount64) == true;
    }
}

using Twins.Diversion.Linux;
using Twins.Packets;
using Twins.Redirection;

namespace Twins.Worker;

/// <summary>
/// The ways out: the network through the raw socket, the cabins through their TUN devices. Segments of one flow that come one
/// after the other leave as one superpacket, which the kernel cuts again where it has to. Everything leaves in the order in which
/// it was given. For the data thread.
/// </summary>
internal sealed class PacketOutput : IDisposable
{
    private readonly RawSender _sender;
    private readonly SuperpacketSender? _superpackets;
    private readonly Dictionary<int, Tun> _cabins = [];
    private readonly Superpacket _gathered = new();
    private readonly Superpacket _whole = new();
    private Side _gatheredFor;
    private long _cabinRefusals;

    public PacketOutput(RawSender sender, SuperpacketSender? superpackets)
    {
        _sender = sender;
        _superpackets = superpackets;
        sender.TooLarge = TooLargeErrors.Add;
    }

    /// <summary>What is to be told about packets that were too large for the network.</summary>
    public TooLargeErrors TooLargeErrors { get; } = new();

    /// <summary>Packets that were larger than the way out carries.</summary>
    public long TooLarge => _sender.Counters.TooLarge;

    /// <summary>Packets that the system refused for another reason.</summary>
    public long SendFailed => _sender.Counters.Refused - _sender.Counters.TooLarge + _cabinRefusals;

    public void SetCabin(int index, Tun? tun)
    {
        if (tun is null)
            _cabins.Remove(index);
        else
            _cabins[index] = tun;
    }

    /// <summary>Sends a packet with complete checksums; to the network with the next <see cref="Flush"/>.</summary>
    public void Send(Side side, ReadOnlySpan<byte> packet)
    {
        SendGathered();
        if (!side.IsCabin)
            _sender.Enqueue(packet);
        else
            ToCabin(side, packet);
    }

    /// <summary>Sends a packet with complete checksums from memory that stays as it is until the next <see cref="Flush"/>.</summary>
    public void SendInPlace(Side side, in PacketView packet)
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

    /// <summary>Sends a packet to wherever its destination is, the local stack included.</summary>
    public void SendToNetwork(ReadOnlySpan<byte> packet)
    {
        SendGathered();
        _sender.Enqueue(packet);
    }

    public void Flush()
    {
        SendGathered();
        _sender.Flush();
    }

    public void Dispose()
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

using Twins.Diversion.Linux;
using Twins.Redirection;

namespace Twins.Worker;

/// <summary>The ways out: the network through the raw socket, the cabins through their TUN devices. For the data thread.</summary>
internal sealed class PacketOutput
{
    private readonly RawSender _sender;
    private readonly Dictionary<int, Tun> _cabins = [];
    private long _cabinRefusals;

    public PacketOutput(RawSender sender)
    {
        _sender = sender;
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
        if (!side.IsCabin)
            _sender.Enqueue(packet);
        else if (!_cabins.TryGetValue(side.CabinIndex, out var tun) || tun.Write(packet) != 0)
            _cabinRefusals++;
    }

    /// <summary>Sends a packet from memory that stays as it is until the next <see cref="Flush"/>.</summary>
    public void SendInPlace(Side side, ReadOnlySpan<byte> packet)
    {
        if (side.IsCabin)
            Send(side, packet);
        else
            _sender.EnqueueInPlace(packet);
    }

    /// <summary>Sends a packet to wherever its destination is, the local stack included.</summary>
    public void SendToNetwork(ReadOnlySpan<byte> packet) => _sender.Enqueue(packet);

    public void Flush() => _sender.Flush();
}

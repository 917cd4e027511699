using Twins.Diversion.Linux;
using Twins.Redirection;

namespace Twins.Worker;

/// <summary>The ways out: the network through the raw socket, the cabins through their TUN devices. For the data thread.</summary>
internal sealed class PacketOutput(RawSender sender)
{
    private readonly Dictionary<int, Tun> _cabins = [];
    private long _cabinRefusals;

    /// <summary>Packets that were larger than the way out carries.</summary>
    public long TooLarge => sender.Counters.TooLarge;

    /// <summary>Packets that the system refused for another reason.</summary>
    public long SendFailed => sender.Counters.Refused - sender.Counters.TooLarge + _cabinRefusals;

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
            sender.Enqueue(packet);
        else if (!_cabins.TryGetValue(side.CabinIndex, out var tun) || tun.Write(packet) != 0)
            _cabinRefusals++;
    }

    /// <summary>Sends a packet from memory that stays as it is until the next <see cref="Flush"/>.</summary>
    public void SendInPlace(Side side, ReadOnlySpan<byte> packet)
    {
        if (side.IsCabin)
            Send(side, packet);
        else
            sender.EnqueueInPlace(packet);
    }

    /// <summary>Sends a packet to wherever its destination is, the local stack included.</summary>
    public void SendToNetwork(ReadOnlySpan<byte> packet) => sender.Enqueue(packet);

    public void Flush() => sender.Flush();
}

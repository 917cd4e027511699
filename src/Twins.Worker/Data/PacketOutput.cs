using Twins.Diversion.Linux;
using Twins.Packets;
using Twins.Redirection;

namespace Twins.Worker;

/// <summary>The ways out of a twin. Everything leaves in the order in which it was given. For the data thread.</summary>
internal abstract class PacketOutput : IDisposable
{
    /// <summary>Packets that were larger than the way out carries.</summary>
    public abstract long TooLarge { get; }

    /// <summary>Packets that the system refused for another reason.</summary>
    public abstract long SendFailed { get; }

    /// <summary>Sends a packet with complete checksums; to the network with the next <see cref="Flush"/>.</summary>
    public abstract void Send(Side side, ReadOnlySpan<byte> packet);

    /// <summary>Sends a packet with complete checksums from memory that stays as it is until the next <see cref="Flush"/>.</summary>
    public abstract void SendInPlace(Side side, in PacketView packet);

    /// <summary>Sends a packet to wherever its destination is, the local stack included.</summary>
    public abstract void SendToNetwork(ReadOnlySpan<byte> packet);

    public abstract void Flush();

    /// <summary>The device of a cabin, in place of an earlier one; null: the cabin is gone.</summary>
    public abstract void SetCabin(int index, Tun? tun);

    public abstract void Dispose();
}

using Twins.Packets;

namespace Twins.Redirection;

/// <summary>A packet that was taken out of the hold queue.</summary>
public readonly ref struct HeldPacket
{
    internal HeldPacket(int process, FiveTuple tuple, ulong token, Span<byte> bytes)
    {
        Process = process;
        Tuple = tuple;
        Token = token;
        Bytes = bytes;
    }

    /// <summary>The slot it was held for.</summary>
    public int Process { get; }

    /// <summary>The flow it was held for.</summary>
    public FiveTuple Tuple { get; }

    /// <summary>What the caller gave with it.</summary>
    public ulong Token { get; }

    /// <summary>The octets; they may be changed. Valid until the next <see cref="HoldQueue.TryAdd"/>.</summary>
    public Span<byte> Bytes { get; }
}

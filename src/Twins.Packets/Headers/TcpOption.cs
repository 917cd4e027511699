namespace Twins.Packets;

/// <summary>One TCP option: its kind and, without kind and length, its octets. The span lives as long as the packet's buffer.</summary>
public readonly ref struct TcpOption
{
    internal TcpOption(byte kind, Span<byte> value)
    {
        Kind = kind;
        Value = value;
    }

    /// <summary>Number of the IANA registry: 1 no-operation, 2 maximum segment size, 3 window scale, 4 SACK permitted, 5 SACK, 8 timestamps.</summary>
    public byte Kind { get; }

    /// <summary>What follows kind and length; empty for the no-operation.</summary>
    public Span<byte> Value { get; }
}

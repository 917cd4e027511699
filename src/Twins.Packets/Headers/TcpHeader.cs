using System.Buffers.Binary;

namespace Twins.Packets;

/// <summary>A TCP segment (RFC 9293, 3.1) in a buffer that someone else owns. Setters change the field alone, not the checksum.</summary>
public readonly ref struct TcpHeader
{
    /// <summary>Octets of a header without options.</summary>
    public const int MinimumLength = 20;

    private readonly Span<byte> _segment;

    private TcpHeader(Span<byte> segment) => _segment = segment;

    /// <summary>Where the fields are.</summary>
    internal static class Offset
    {
        public const int SourcePort = 0;
        public const int DestinationPort = 2;
        public const int SequenceNumber = 4;
        public const int AcknowledgmentNumber = 8;
        public const int DataOffset = 12;
        public const int Flags = 13;
        public const int Window = 14;
        public const int Checksum = 16;
        public const int UrgentPointer = 18;
    }

    /// <summary>Views a segment: everything that the IP header counts as payload.</summary>
    public static bool TryParse(Span<byte> segment, out TcpHeader header, out PacketFault fault)
    {
        header = default;
        fault = Check(segment);
        if (fault != PacketFault.None)
            return false;
        header = new TcpHeader(segment);
        return true;
    }

    internal static PacketFault Check(ReadOnlySpan<byte> segment)
    {
        if (segment.Length < MinimumLength)
            return PacketFault.TruncatedTransport;
        var length = segment[Offset.DataOffset] >> 4 << 2;
        return length < MinimumLength || length > segment.Length ? PacketFault.DataOffset : PacketFault.None;
    }

    internal static TcpHeader Checked(Span<byte> segment) => new(segment);

    /// <summary>The sender's port.</summary>
    public ushort SourcePort => Read16(Offset.SourcePort);

    /// <summary>The receiver's port.</summary>
    public ushort DestinationPort => Read16(Offset.DestinationPort);

    /// <summary>Number of the first octet of the segment; of the SYN if there is one.</summary>
    public SequenceNumber SequenceNumber
    {
        get => new(BinaryPrimitives.ReadUInt32BigEndian(_segment[Offset.SequenceNumber..]));
        internal set => BinaryPrimitives.WriteUInt32BigEndian(_segment[Offset.SequenceNumber..], value.Value);
    }

    /// <summary>The next octet that the sender expects; meaningful with <see cref="TcpFlags.Ack"/>.</summary>
    public SequenceNumber AcknowledgmentNumber => new(BinaryPrimitives.ReadUInt32BigEndian(_segment[Offset.AcknowledgmentNumber..]));

    /// <summary>Octets of the header with its options, 20 to 60.</summary>
    public int HeaderLength => _segment[Offset.DataOffset] >> 4 << 2;

    /// <summary>The control bits.</summary>
    public TcpFlags Flags
    {
        get => (TcpFlags)_segment[Offset.Flags];
        internal set => _segment[Offset.Flags] = (byte)value;
    }

    /// <summary>The window as the field has it, not scaled.</summary>
    public ushort Window => Read16(Offset.Window);

    /// <summary>The checksum field.</summary>
    public ushort Checksum => Read16(Offset.Checksum);

    /// <summary>The urgent pointer.</summary>
    public ushort UrgentPointer => Read16(Offset.UrgentPointer);

    /// <summary>The options' octets, padding included.</summary>
    public Span<byte> Options => _segment[MinimumLength..HeaderLength];

    /// <summary>The options one by one.</summary>
    public TcpOptionEnumerator EnumerateOptions() => new(Options);

    /// <summary>The data.</summary>
    public Span<byte> Payload => _segment[HeaderLength..];

    /// <summary>What the segment takes of the sequence space: data, SYN and FIN (SEG.LEN of RFC 9293, 3.3.1).</summary>
    public int SequenceLength => _segment.Length - HeaderLength
        + ((Flags & TcpFlags.Syn) != 0 ? 1 : 0) + ((Flags & TcpFlags.Fin) != 0 ? 1 : 0);

    /// <summary>A SYN without ACK or RST: it asks for a new connection.</summary>
    public bool OpensConnection => (Flags & (TcpFlags.Syn | TcpFlags.Ack | TcpFlags.Rst)) == TcpFlags.Syn;

    private ushort Read16(int offset) => BinaryPrimitives.ReadUInt16BigEndian(_segment[offset..]);
}

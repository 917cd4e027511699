using System.Buffers.Binary;

namespace Twins.Packets;

/// <summary>A UDP datagram (RFC 768) in a buffer that someone else owns.</summary>
public readonly ref struct UdpHeader
{
    /// <summary>Octets of the header.</summary>
    public const int HeaderLength = 8;

    private readonly Span<byte> _datagram;

    private UdpHeader(Span<byte> datagram) => _datagram = datagram;

    /// <summary>Where the fields are.</summary>
    internal static class Offset
    {
        public const int SourcePort = 0;
        public const int DestinationPort = 2;
        public const int Length = 4;
        public const int Checksum = 6;
    }

    /// <summary>Views a datagram: what the IP header counts as payload. The view ends where the UDP length says.</summary>
    public static bool TryParse(Span<byte> payload, out UdpHeader header, out PacketFault fault)
    {
        header = default;
        fault = Check(payload, isFragment: false);
        if (fault != PacketFault.None)
            return false;
        header = Checked(payload);
        return true;
    }

    // The length of a datagram in fragments counts octets that come in the later ones.
    internal static PacketFault Check(ReadOnlySpan<byte> payload, bool isFragment)
    {
        if (payload.Length < HeaderLength)
            return PacketFault.TruncatedTransport;
        var length = BinaryPrimitives.ReadUInt16BigEndian(payload[Offset.Length..]);
        return length < HeaderLength || (length > payload.Length && !isFragment) ? PacketFault.UdpLength : PacketFault.None;
    }

    internal static UdpHeader Checked(Span<byte> payload) =>
        new(payload[..Math.Min(payload.Length, BinaryPrimitives.ReadUInt16BigEndian(payload[Offset.Length..]))]);

    /// <summary>The sender's port.</summary>
    public ushort SourcePort => Read16(Offset.SourcePort);

    /// <summary>The receiver's port.</summary>
    public ushort DestinationPort => Read16(Offset.DestinationPort);

    /// <summary>Octets of header and data as declared, 8 to 65,535.</summary>
    public ushort Length => Read16(Offset.Length);

    /// <summary>The checksum field; 0 says that the sender made none (over IPv4).</summary>
    public ushort Checksum => Read16(Offset.Checksum);

    /// <summary>The data; of the first fragment what it carries.</summary>
    public Span<byte> Payload => _datagram[HeaderLength..];

    private ushort Read16(int offset) => BinaryPrimitives.ReadUInt16BigEndian(_datagram[offset..]);
}

using System.Buffers.Binary;

namespace Twins.Packets;

/// <summary>An IPv6 packet (RFC 8200, 3) in a buffer that someone else owns. Octets after the payload length are not part of it.</summary>
public readonly ref struct Ipv6Header
{
    /// <summary>Octets of the header without extension headers.</summary>
    public const int HeaderLength = 40;

    /// <summary>Extension headers that are walked before a packet counts as malformed.</summary>
    public const int MaximumExtensions = 8;

    private readonly Span<byte> _packet;

    private Ipv6Header(Span<byte> packet) => _packet = packet;

    /// <summary>Where the fields are.</summary>
    internal static class Offset
    {
        public const int Version = 0;
        public const int PayloadLength = 4;
        public const int NextHeader = 6;
        public const int HopLimit = 7;
        public const int Source = 8;
        public const int Destination = 24;
    }

    /// <summary>Views the packet at the start of the buffer. Jumbograms (RFC 2675: payload length 0) are seen as packets without payload.</summary>
    public static bool TryParse(Span<byte> buffer, out Ipv6Header header, out PacketFault fault)
    {
        header = default;
        fault = CheckHeader(buffer);
        if (fault != PacketFault.None)
            return false;
        var length = HeaderLength + BinaryPrimitives.ReadUInt16BigEndian(buffer[Offset.PayloadLength..]);
        if (length > buffer.Length)
        {
            fault = PacketFault.TotalLength;
            return false;
        }

        header = new Ipv6Header(buffer[..length]);
        return true;
    }

    internal static PacketFault CheckHeader(ReadOnlySpan<byte> buffer) =>
        buffer.Length < HeaderLength ? PacketFault.TruncatedHeader
        : buffer[0] >> 4 != 6 ? PacketFault.UnknownVersion
        : PacketFault.None;

    internal static Ipv6Header Checked(Span<byte> packet) => new(packet);

    /// <summary>The traffic class.</summary>
    public byte TrafficClass => (byte)(BinaryPrimitives.ReadUInt16BigEndian(_packet) >> 4);

    /// <summary>The flow label, 0 to 0xFFFFF.</summary>
    public uint FlowLabel => BinaryPrimitives.ReadUInt32BigEndian(_packet) & 0xFFFFF;

    /// <summary>Octets after the header, extension headers included.</summary>
    public ushort PayloadLength
    {
        get => BinaryPrimitives.ReadUInt16BigEndian(_packet[Offset.PayloadLength..]);
        internal set => BinaryPrimitives.WriteUInt16BigEndian(_packet[Offset.PayloadLength..], value);
    }

    /// <summary>The protocol number of what follows: an extension header or the upper layer.</summary>
    public byte NextHeader => _packet[Offset.NextHeader];

    /// <summary>The hop limit.</summary>
    public byte HopLimit => _packet[Offset.HopLimit];

    /// <summary>The source address.</summary>
    public InternetAddress Source => InternetAddress.FromBytes(_packet.Slice(Offset.Source, 16));

    /// <summary>The destination address.</summary>
    public InternetAddress Destination => InternetAddress.FromBytes(_packet.Slice(Offset.Destination, 16));

    /// <summary>What the header carries, extension headers first.</summary>
    public Span<byte> Payload => _packet[HeaderLength..];

    /// <summary>The extension headers one by one.</summary>
    public Ipv6ExtensionEnumerator EnumerateExtensions() => new(NextHeader, Payload);
}

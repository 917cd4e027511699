using System.Buffers.Binary;

namespace Twins.Packets;

/// <summary>An IPv4 packet (RFC 791, 3.1) in a buffer that someone else owns. Octets after the total length are not part of it.</summary>
public readonly ref struct Ipv4Header
{
    /// <summary>Octets of a header without options.</summary>
    public const int MinimumLength = 20;

    private const ushort DontFragmentBit = 0x4000;
    private const ushort MoreFragmentsBit = 0x2000;
    private const ushort FragmentOffsetMask = 0x1FFF;
    private readonly Span<byte> _packet;

    private Ipv4Header(Span<byte> packet) => _packet = packet;

    /// <summary>Where the fields are.</summary>
    internal static class Offset
    {
        public const int Version = 0;
        public const int TypeOfService = 1;
        public const int TotalLength = 2;
        public const int Identification = 4;
        public const int Fragment = 6;
        public const int TimeToLive = 8;
        public const int Protocol = 9;
        public const int Checksum = 10;
        public const int Source = 12;
        public const int Destination = 16;
        public const int Options = 20;
    }

    /// <summary>Views the packet at the start of the buffer. The checksum is not verified.</summary>
    public static bool TryParse(Span<byte> buffer, out Ipv4Header header, out PacketFault fault)
    {
        header = default;
        fault = CheckHeader(buffer, out var headerLength);
        if (fault != PacketFault.None)
            return false;
        int totalLength = BinaryPrimitives.ReadUInt16BigEndian(buffer[Offset.TotalLength..]);
        if (totalLength < headerLength || totalLength > buffer.Length)
        {
            fault = PacketFault.TotalLength;
            return false;
        }

        header = new Ipv4Header(buffer[..totalLength]);
        return true;
    }

    /// <summary>The destination of an IPv4 packet that was parsed before.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Fewer octets than a header has.</exception>
    public static InternetAddress DestinationOf(ReadOnlySpan<byte> packet) => InternetAddress.FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(packet[Offset.Destination..]));

    // Of a quoted packet only the beginning is there: its total length counts octets that are not.
    internal static PacketFault CheckHeader(ReadOnlySpan<byte> buffer, out int headerLength)
    {
        headerLength = 0;
        if (buffer.Length < MinimumLength)
            return PacketFault.TruncatedHeader;
        if (buffer[0] >> 4 != 4)
            return PacketFault.UnknownVersion;
        headerLength = (buffer[0] & 0x0F) << 2;
        return headerLength < MinimumLength || headerLength > buffer.Length ? PacketFault.HeaderLength : PacketFault.None;
    }

    internal static Ipv4Header Checked(Span<byte> packet) => new(packet);

    /// <summary>Octets of the header with its options, 20 to 60.</summary>
    public int HeaderLength => (_packet[Offset.Version] & 0x0F) << 2;

    /// <summary>Differentiated services and ECN bits.</summary>
    public byte TypeOfService => _packet[Offset.TypeOfService];

    /// <summary>Octets of header and payload.</summary>
    public ushort TotalLength
    {
        get => Read16(Offset.TotalLength);
        internal set => BinaryPrimitives.WriteUInt16BigEndian(_packet[Offset.TotalLength..], value);
    }

    /// <summary>The identification, meaningful for fragments.</summary>
    public ushort Identification
    {
        get => Read16(Offset.Identification);
        internal set => BinaryPrimitives.WriteUInt16BigEndian(_packet[Offset.Identification..], value);
    }

    /// <summary>The DF bit.</summary>
    public bool DontFragment => (Read16(Offset.Fragment) & DontFragmentBit) != 0;

    /// <summary>The MF bit.</summary>
    public bool MoreFragments => (Read16(Offset.Fragment) & MoreFragmentsBit) != 0;

    /// <summary>Where the payload belongs in the datagram, in octets: a multiple of 8.</summary>
    public int FragmentOffset => (Read16(Offset.Fragment) & FragmentOffsetMask) << 3;

    /// <summary>Which part of a datagram this is.</summary>
    public FragmentPosition Fragment => (Read16(Offset.Fragment) & (MoreFragmentsBit | FragmentOffsetMask)) switch
    {
        0 => FragmentPosition.Whole,
        MoreFragmentsBit => FragmentPosition.First,
        _ => FragmentPosition.Later,
    };

    /// <summary>The time to live.</summary>
    public byte TimeToLive => _packet[Offset.TimeToLive];

    /// <summary>The upper-layer protocol; values that the enumeration does not name pass through.</summary>
    public IpProtocol Protocol => (IpProtocol)_packet[Offset.Protocol];

    /// <summary>The header checksum field.</summary>
    public ushort Checksum
    {
        get => Read16(Offset.Checksum);
        internal set => BinaryPrimitives.WriteUInt16BigEndian(_packet[Offset.Checksum..], value);
    }

    /// <summary>The source address.</summary>
    public InternetAddress Source => InternetAddress.FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(_packet[Offset.Source..]));

    /// <summary>The destination address.</summary>
    public InternetAddress Destination => InternetAddress.FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(_packet[Offset.Destination..]));

    /// <summary>The options' octets, padding included.</summary>
    public Span<byte> Options => _packet[Offset.Options..HeaderLength];

    /// <summary>What the header carries.</summary>
    public Span<byte> Payload => _packet[HeaderLength..];

    /// <summary>Whether a source route option has addresses left (RFC 791, 3.1: loose 131, strict 137).</summary>
    internal static bool HasSourceRoute(ReadOnlySpan<byte> options)
    {
        while (options.Length >= 3 && options[0] != 0)
        {
            if (options[0] == 1)
            {
                options = options[1..];
                continue;
            }

            // The pointer counts from 1; beyond the length the route is used up.
            if (options[0] is 131 or 137 && options[2] <= options[1])
                return true;
            if (options[1] < 2 || options[1] > options.Length)
                return false;
            options = options[options[1]..];
        }

        return false;
    }

    private ushort Read16(int offset) => BinaryPrimitives.ReadUInt16BigEndian(_packet[offset..]);
}

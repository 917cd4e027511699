using System.Buffers.Binary;

namespace Twins.Packets;

/// <summary>
/// The beginning of a packet as an ICMP error quotes it: IP header and at least the ports of TCP or UDP (RFC 792: eight octets
/// of the transport header; RFC 1812, 4.3.2.3 and RFC 4443, 2.4: as much as fits). In a buffer that someone else owns.
/// </summary>
public readonly ref struct QuotedPacket
{
    private const int PortsLength = 4;
    private readonly Span<byte> _octets;
    private readonly int _transport;

    private QuotedPacket(Span<byte> octets, int transport, IpProtocol protocol, bool isIPv4)
    {
        _octets = octets;
        _transport = transport;
        Protocol = protocol;
        IsIPv4 = isIPv4;
    }

    /// <summary>Views a quoted packet: the body of an ICMP error.</summary>
    public static bool TryParse(Span<byte> octets, bool isIPv4, out QuotedPacket quoted, out PacketFault fault)
    {
        quoted = default;
        int transport;
        IpProtocol protocol;
        if (isIPv4)
        {
            fault = Ipv4Header.CheckHeader(octets, out transport);
            if (fault != PacketFault.None)
                return false;
            var header = Ipv4Header.Checked(octets);
            protocol = header.Protocol;
            if (header.Fragment == FragmentPosition.Later)
                fault = PacketFault.NothingQuoted;
            else if (Ipv4Header.HasSourceRoute(header.Options))
                fault = PacketFault.SourceRouted;
        }
        else
        {
            fault = Ipv6Header.CheckHeader(octets);
            if (fault != PacketFault.None)
                return false;
            var extensions = Ipv6Header.Checked(octets).EnumerateExtensions();
            while (extensions.MoveNext())
            {
            }

            transport = Ipv6Header.HeaderLength + extensions.Length;
            protocol = (IpProtocol)extensions.NextHeader;
            if (extensions.IsMalformed)
                fault = PacketFault.ExtensionHeaders;
            else if (extensions.Fragment == FragmentPosition.Later)
                fault = PacketFault.NothingQuoted;
            else if (extensions.IsSourceRouted)
                fault = PacketFault.SourceRouted;
        }

        if (fault == PacketFault.None && (protocol is not (IpProtocol.Tcp or IpProtocol.Udp) || octets.Length < transport + PortsLength))
            fault = PacketFault.NothingQuoted;
        if (fault != PacketFault.None)
            return false;
        quoted = new QuotedPacket(octets, transport, protocol, isIPv4);
        return true;
    }

    /// <summary>Whether the quoted packet is of IPv4.</summary>
    public bool IsIPv4 { get; }

    /// <summary>TCP or UDP.</summary>
    public IpProtocol Protocol { get; }

    /// <summary>The quoted octets, IP header first. Octets after the packet (padding, RFC 4884 extensions) may be among them.</summary>
    public Span<byte> Bytes => _octets;

    /// <summary>Where the transport header begins.</summary>
    public int TransportOffset => _transport;

    /// <summary>The flow that the quoted packet belongs to, as it was sent.</summary>
    public FiveTuple Tuple
    {
        get
        {
            var ports = BinaryPrimitives.ReadUInt32BigEndian(_octets[_transport..]);
            var (source, destination) = IsIPv4
                ? (Ipv4Header.Checked(_octets).Source, Ipv4Header.Checked(_octets).Destination)
                : (Ipv6Header.Checked(_octets).Source, Ipv6Header.Checked(_octets).Destination);
            return new FiveTuple(Protocol, new Endpoint(source, (ushort)(ports >> 16)), new Endpoint(destination, (ushort)ports));
        }
    }

    /// <summary>Where the transport checksum is in <see cref="Bytes"/>; -1 if it was cut off.</summary>
    internal int ChecksumOffset
    {
        get
        {
            var offset = _transport + (Protocol == IpProtocol.Tcp ? TcpHeader.Offset.Checksum : UdpHeader.Offset.Checksum);
            return offset + sizeof(ushort) <= _octets.Length ? offset : -1;
        }
    }
}

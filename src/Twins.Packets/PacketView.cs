using System.Buffers.Binary;

namespace Twins.Packets;

/// <summary>
/// A whole IP packet with its transport header, in a buffer that someone else owns: parsed once, after that no accessor fails
/// on any content. The view is valid as long as the buffer, and as long as nobody else changes lengths or versions in it.
/// </summary>
/// <remarks>
/// Checksums are not verified. The view ends where the IP header says, not where the buffer does.
/// A later fragment (<see cref="FragmentPosition.Later"/>) parses, but has no transport header and no ports.
/// </remarks>
public readonly ref struct PacketView
{
    private readonly Span<byte> _packet;
    private readonly int _transport;

    private PacketView(Span<byte> packet, int transport, IpProtocol protocol, FragmentPosition fragment, bool isIPv4)
    {
        _packet = packet;
        _transport = transport;
        Protocol = protocol;
        Fragment = fragment;
        IsIPv4 = isIPv4;
    }

    /// <summary>Views the packet at the start of the buffer.</summary>
    /// <param name="buffer">Any octets, the IP header first.</param>
    /// <param name="packet">The packet, if there is one.</param>
    /// <param name="fault">Why there is none.</param>
    public static bool TryParse(Span<byte> buffer, out PacketView packet, out PacketFault fault)
    {
        packet = default;
        if (buffer.IsEmpty)
        {
            fault = PacketFault.TruncatedHeader;
            return false;
        }

        var parsed = buffer[0] >> 4 == 4 ? ParseV4(buffer, out packet, out fault) : ParseV6(buffer, out packet, out fault);
        if (!parsed || packet.Fragment == FragmentPosition.Later)
            return parsed;
        fault = CheckTransport(packet);
        return fault == PacketFault.None;
    }

    /// <summary>Whether the packet is of IPv4.</summary>
    public bool IsIPv4 { get; }

    /// <summary>The upper-layer protocol, after extension headers. Values that the enumeration does not name pass through.</summary>
    public IpProtocol Protocol { get; }

    /// <summary>Which part of a datagram this is.</summary>
    public FragmentPosition Fragment { get; }

    /// <summary>Whether this is the first fragment of several.</summary>
    public bool IsFirstFragment => Fragment == FragmentPosition.First;

    /// <summary>Whether the packet carries a TCP header.</summary>
    public bool IsTcp => Protocol == IpProtocol.Tcp && Fragment != FragmentPosition.Later;

    /// <summary>Whether the packet carries a UDP header.</summary>
    public bool IsUdp => Protocol == IpProtocol.Udp && Fragment != FragmentPosition.Later;

    /// <summary>Whether the packet carries an ICMP header, of version 4 over IPv4 or 6 over IPv6.</summary>
    public bool IsIcmp => Protocol == (IsIPv4 ? IpProtocol.Icmp : IpProtocol.IcmpV6) && Fragment != FragmentPosition.Later;

    /// <summary>Whether the packet carries ports: the header of TCP or UDP.</summary>
    public bool HasPorts => Protocol is IpProtocol.Tcp or IpProtocol.Udp && Fragment != FragmentPosition.Later;

    /// <summary>The packet, IP header first.</summary>
    public Span<byte> Bytes => _packet;

    /// <summary>Octets of the packet, 20 to 65,575.</summary>
    public int Length => _packet.Length;

    /// <summary>Where the transport header begins (of a later fragment: the data).</summary>
    public int TransportOffset => _transport;

    /// <summary>Transport header and payload.</summary>
    public Span<byte> Transport => _packet[_transport..];

    /// <summary>
    /// Where the checksum is, counted from <see cref="TransportOffset"/> (csum_offset of virtio_net_hdr);
    /// -1 if the packet has none that covers its addresses.
    /// </summary>
    public int ChecksumOffset => Fragment == FragmentPosition.Later ? -1 : Protocol switch
    {
        IpProtocol.Tcp => TcpHeader.Offset.Checksum,
        IpProtocol.Udp => UdpHeader.Offset.Checksum,
        IpProtocol.IcmpV6 when !IsIPv4 => IcmpHeader.Offset.Checksum,
        _ => -1,
    };

    /// <summary>The source address.</summary>
    public InternetAddress Source => IsIPv4 ? Ipv4Header.Checked(_packet).Source : Ipv6Header.Checked(_packet).Source;

    /// <summary>The destination address.</summary>
    public InternetAddress Destination => IsIPv4 ? Ipv4Header.Checked(_packet).Destination : Ipv6Header.Checked(_packet).Destination;

    /// <summary>What identifies the flow; the ports are 0 if the packet carries none.</summary>
    public FiveTuple Tuple
    {
        get
        {
            var ports = HasPorts ? BinaryPrimitives.ReadUInt32BigEndian(_packet[_transport..]) : 0;
            return new FiveTuple(Protocol, new Endpoint(Source, (ushort)(ports >> 16)), new Endpoint(Destination, (ushort)ports));
        }
    }

    /// <summary>The IPv4 header.</summary>
    /// <exception cref="InvalidOperationException">The packet is not of IPv4 (<see cref="IsIPv4"/>).</exception>
    public Ipv4Header Ipv4 => IsIPv4 ? Ipv4Header.Checked(_packet) : throw No("IPv4");

    /// <summary>The IPv6 header.</summary>
    /// <exception cref="InvalidOperationException">The packet is not of IPv6 (<see cref="IsIPv4"/>).</exception>
    public Ipv6Header Ipv6 => !IsIPv4 && !_packet.IsEmpty ? Ipv6Header.Checked(_packet) : throw No("IPv6");

    /// <summary>The TCP segment.</summary>
    /// <exception cref="InvalidOperationException">There is none (<see cref="IsTcp"/>).</exception>
    public TcpHeader Tcp => IsTcp ? TcpHeader.Checked(Transport) : throw No("TCP");

    /// <summary>The UDP datagram.</summary>
    /// <exception cref="InvalidOperationException">There is none (<see cref="IsUdp"/>).</exception>
    public UdpHeader Udp => IsUdp ? UdpHeader.Checked(Transport) : throw No("UDP");

    /// <summary>The ICMP or ICMPv6 message.</summary>
    /// <exception cref="InvalidOperationException">There is none (<see cref="IsIcmp"/>).</exception>
    public IcmpHeader Icmp => IsIcmp ? IcmpHeader.Checked(Transport, !IsIPv4) : throw No("ICMP");

    /// <summary>The packet that this ICMP error is about.</summary>
    /// <returns>Whether there is one that names a flow: TCP or UDP with its ports, not a later fragment.</returns>
    public bool TryGetQuoted(out QuotedPacket quoted, out PacketFault fault)
    {
        quoted = default;
        if (IsIcmp && Fragment == FragmentPosition.Whole && Icmp.IsError)
            return QuotedPacket.TryParse(Icmp.Body, IsIPv4, out quoted, out fault);
        fault = PacketFault.NothingQuoted;
        return false;
    }

    /// <summary>
    /// Puts other addresses and ports in place and updates every checksum that covers them. Of a later fragment, or a protocol
    /// without ports, only the addresses change. The first fragment's checksum, which covers the whole datagram, stays right.
    /// </summary>
    /// <param name="to">Source and destination from now on; the protocol must be the packet's, the family too.</param>
    /// <param name="checksum">What the transport checksum field holds. A finished UDP checksum of 0 (none) stays 0.</param>
    /// <exception cref="ArgumentException">Another family or protocol than the packet's.</exception>
    public void Rewrite(in FiveTuple to, ChecksumState checksum) => PacketRewriter.Rewrite(this, to, checksum);

    /// <summary>
    /// Translates an ICMP error to a neighbouring leg: the quoted packet gets the addresses and ports <paramref name="quoted"/>,
    /// the error itself goes from <paramref name="source"/> to <paramref name="destination"/>. The checksums of the quoted
    /// packet, as far as they are there, and those of the error follow; they are taken to be complete.
    /// </summary>
    /// <exception cref="ArgumentException">Another family or protocol than the packet's.</exception>
    /// <exception cref="InvalidOperationException">The packet quotes none (<see cref="TryGetQuoted"/>).</exception>
    public void RewriteQuoted(in FiveTuple quoted, InternetAddress source, InternetAddress destination) =>
        PacketRewriter.RewriteQuoted(this, quoted, source, destination);

    /// <summary>
    /// Computes the transport checksum in full and stores it, whatever the field held; so it turns a sum left to offload into a
    /// complete one. Fragments and protocols without a checksum that is known here are left alone.
    /// </summary>
    public void FinishChecksum() => PacketChecksum.Finish(this);

    /// <summary>Whether the IPv4 header checksum and the transport checksum, where there is one to check, are right. Goes over the whole packet.</summary>
    public bool HasRightChecksums() => PacketChecksum.AreRight(this);

    /// <summary>The view of a packet whose headers are laid out as this one's.</summary>
    internal PacketView AtSameOffsets(Span<byte> packet) => new(packet, _transport, Protocol, Fragment, IsIPv4);

    private static bool ParseV4(Span<byte> buffer, out PacketView packet, out PacketFault fault)
    {
        packet = default;
        if (!Ipv4Header.TryParse(buffer, out var header, out fault))
            return false;
        var length = header.HeaderLength;
        if (length > Ipv4Header.MinimumLength && Ipv4Header.HasSourceRoute(header.Options))
        {
            fault = PacketFault.SourceRouted;
            return false;
        }

        packet = new PacketView(buffer[..header.TotalLength], length, header.Protocol, header.Fragment, isIPv4: true);
        return true;
    }

    private static bool ParseV6(Span<byte> buffer, out PacketView packet, out PacketFault fault)
    {
        packet = default;
        if (!Ipv6Header.TryParse(buffer, out var header, out fault))
            return false;
        var extensions = header.EnumerateExtensions();
        while (extensions.MoveNext())
        {
        }

        if (extensions.IsMalformed || extensions.IsSourceRouted)
        {
            fault = extensions.IsMalformed ? PacketFault.ExtensionHeaders : PacketFault.SourceRouted;
            return false;
        }

        packet = new PacketView(
            buffer[..(Ipv6Header.HeaderLength + header.PayloadLength)],
            Ipv6Header.HeaderLength + extensions.Length,
            (IpProtocol)extensions.NextHeader,
            extensions.Fragment,
            isIPv4: false);
        return true;
    }

    private static PacketFault CheckTransport(in PacketView packet) => packet.Protocol switch
    {
        IpProtocol.Tcp => TcpHeader.Check(packet.Transport),
        IpProtocol.Udp => UdpHeader.Check(packet.Transport, packet.IsFirstFragment),
        IpProtocol.Icmp when packet.IsIPv4 => IcmpHeader.Check(packet.Transport),
        IpProtocol.IcmpV6 when !packet.IsIPv4 => IcmpHeader.Check(packet.Transport),
        _ => PacketFault.None,
    };

    private static InvalidOperationException No(string what) => new($"The packet carries no {what} header.");
}

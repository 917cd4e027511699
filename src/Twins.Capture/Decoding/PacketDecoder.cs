using PacketDotNet;
using Twins.Packets;
using TcpFlags = Twins.Packets.TcpFlags;

namespace Twins.Capture;

/// <summary>Reads the headers of captured frames, with PacketDotNet. What it can't read is not an error: captures have anything in them.</summary>
public static class PacketDecoder
{
    private const int UdpHeaderBytes = 8;
    private const int IcmpHeaderBytes = 8;
    private const int QuotedTransportBytes = 8;

    /// <summary>Reads a frame.</summary>
    /// <param name="linkType">The LINKTYPE_ value.</param>
    /// <param name="octets">What was captured, which may be cut.</param>
    /// <param name="facts">What its headers say; null: no IP packet, or one whose headers are cut or broken.</param>
    /// <returns>Octets up to where the data begin: all that is kept without payload. Of what isn't IP, the link-layer header.</returns>
    public static int Decode(int linkType, ReadOnlyMemory<byte> octets, out PacketFacts? facts)
    {
        facts = null;
        var ipOffset = FindIp(linkType, octets.Span);
        if (ipOffset < 0)
            return Math.Min(octets.Length, LinkHeaderBytes(linkType));
        try
        {
            return ipOffset + DecodeIp(octets[ipOffset..].ToArray(), out facts);
        }
        catch (Exception e) when (e is ArgumentException or IndexOutOfRangeException or InvalidOperationException or NotImplementedException or OverflowException or NullReferenceException)
        {
            // PacketDotNet says in many ways that something is broken.
            facts = null;
            return Math.Min(octets.Length, ipOffset);
        }
    }

    /// <summary>Where the IP header begins; -1: there is none.</summary>
    /// <param name="linkType">The LINKTYPE_ value.</param>
    /// <param name="octets">What was captured.</param>
    public static int FindIp(int linkType, ReadOnlySpan<byte> octets)
    {
        var offset = LinkHeaderBytes(linkType);
        if (octets.Length <= offset)
            return -1;
        switch (linkType)
        {
            case LinkType.Ethernet:
                // IEEE 802.1Q and 802.1ad tags.
                while (TypeBefore(octets, offset) is 0x8100 or 0x88A8 && octets.Length > offset + 4)
                    offset += 4;
                return TypeBefore(octets, offset) is 0x0800 or 0x86DD ? offset : -1;
            case LinkType.LinuxCooked:
                return TypeBefore(octets, offset) is 0x0800 or 0x86DD ? offset : -1;
            case LinkType.LinuxCooked2:
                return (octets[0] << 8 | octets[1]) is 0x0800 or 0x86DD ? offset : -1;
            default:
                return octets[offset] >> 4 is 4 or 6 ? offset : -1;
        }
    }

    private static int TypeBefore(ReadOnlySpan<byte> octets, int offset) => octets[offset - 2] << 8 | octets[offset - 1];

    private static int LinkHeaderBytes(int linkType) => linkType switch
    {
        LinkType.Ethernet => 14,
        LinkType.LinuxCooked => 16,
        LinkType.LinuxCooked2 => 20,
        LinkType.Null or LinkType.Loop => 4,
        _ => 0,
    };

    private static int DecodeIp(byte[] octets, out PacketFacts? facts)
    {
        facts = null;
        if (Packet.ParsePacket(LinkLayers.Raw, octets).Extract<IPPacket>() is not { } ip)
            return 0;
        var isIPv4 = ip is IPv4Packet;
        var (transport, protocol) = FindTransport(octets, isIPv4);
        if (transport < 0)
            return 0;
        var v4 = ip as IPv4Packet;
        var length = isIPv4 ? v4!.TotalLength : IPv6Header + ((IPv6Packet)ip).PayloadLength;
        // The kernel leaves the field empty in what is cut into segments later than it is captured.
        if (isIPv4 ? length == 0 : length == IPv6Header)
            length = octets.Length;
        facts = new PacketFacts(
            (IpProtocol)protocol,
            new Endpoint(InternetAddress.FromIPAddress(ip.SourceAddress), 0),
            new Endpoint(InternetAddress.FromIPAddress(ip.DestinationAddress), 0))
        {
            Length = length,
            Identification = v4?.Id ?? 0,
            IsLaterFragment = v4?.FragmentOffset > 0,
            PayloadLength = Math.Max(0, length - transport),
        };
        var header = facts.IsLaterFragment ? 0 : DecodeTransport(octets.AsSpan(transport), ip, isIPv4, length - transport, ref facts);
        return Math.Min(octets.Length, transport + header);
    }

    private const int IPv6Header = 40;

    // PacketDotNet has IPv6's extension headers, but not where they end.
    private static (int Offset, int Protocol) FindTransport(byte[] octets, bool isIPv4)
    {
        if (isIPv4)
        {
            var header = (octets[0] & 0xF) << 2;
            return header >= 20 && header <= octets.Length && octets.Length >= 20 ? (header, octets[9]) : (-1, 0);
        }

        if (octets.Length < IPv6Header)
            return (-1, 0);
        var (offset, next) = (IPv6Header, (int)octets[6]);
        while (next is 0 or 43 or 44 or 60 && offset + 8 <= octets.Length)
            (next, offset) = (octets[offset], offset + (next == 44 ? 8 : (octets[offset + 1] + 1) * 8));
        return offset <= octets.Length ? (offset, next) : (-1, 0);
    }

    private static int DecodeTransport(Span<byte> octets, IPPacket ip, bool isIPv4, int length, ref PacketFacts facts)
    {
        switch (facts.Protocol)
        {
            case IpProtocol.Tcp when octets.Length >= TcpHeader.MinimumLength && ip.Extract<TcpPacket>() is { } tcp:
                var header = tcp.DataOffset << 2;
                if (header < TcpHeader.MinimumLength)
                    return octets.Length;
                facts = facts with
                {
                    Source = facts.Source with { Port = tcp.SourcePort },
                    Destination = facts.Destination with { Port = tcp.DestinationPort },
                    Flags = (TcpFlags)(tcp.Flags & 0xFF),
                    Sequence = new SequenceNumber(tcp.SequenceNumber),
                    Acknowledgment = new SequenceNumber(tcp.AcknowledgmentNumber),
                    Window = tcp.WindowSize,
                    PayloadLength = Math.Max(0, length - header),
                };
                return header;
            case IpProtocol.Udp when octets.Length >= UdpHeaderBytes && ip.Extract<UdpPacket>() is { } udp:
                facts = facts with
                {
                    Source = facts.Source with { Port = udp.SourcePort },
                    Destination = facts.Destination with { Port = udp.DestinationPort },
                    PayloadLength = Math.Max(0, length - UdpHeaderBytes),
                };
                return UdpHeaderBytes;
            case IpProtocol.Icmp or IpProtocol.IcmpV6 when octets.Length >= IcmpHeaderBytes:
                facts = facts with { Icmp = (octets[0], octets[1]), PayloadLength = Math.Max(0, length - IcmpHeaderBytes) };
                var isError = isIPv4 ? octets[0] is 3 or 11 or 12 : octets[0] < 128;
                if (!isError || !QuotedPacket.TryParse(octets[IcmpHeaderBytes..], isIPv4, out var quoted, out _))
                    return IcmpHeaderBytes;
                facts = facts with { Quoted = quoted.Tuple };
                return IcmpHeaderBytes + quoted.TransportOffset + QuotedTransportBytes;
            default:
                return 0;
        }
    }
}

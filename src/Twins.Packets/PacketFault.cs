namespace Twins.Packets;

/// <summary>Why octets are no packet that Twins can work on. The names are stable: counters carry them.</summary>
public enum PacketFault
{
    /// <summary>No fault.</summary>
    None = 0,

    /// <summary>Fewer octets than the IP header needs.</summary>
    TruncatedHeader,

    /// <summary>The version is neither 4 nor 6, or not that of the view asked for.</summary>
    UnknownVersion,

    /// <summary>An IPv4 header length below 20 octets or beyond the packet.</summary>
    HeaderLength,

    /// <summary>The declared total length is shorter than the headers or longer than the buffer.</summary>
    TotalLength,

    /// <summary>IPv6 extension headers that overrun the packet, or more of them than <see cref="Ipv6Header.MaximumExtensions"/>.</summary>
    ExtensionHeaders,

    /// <summary>
    /// A source route with segments left: the destination in the header is not the final one, which the
    /// pseudo-header of the checksum needs (RFC 8200, 8.1; RFC 791, 3.1).
    /// </summary>
    SourceRouted,

    /// <summary>Fewer octets than the transport header needs, or the first fragment of one.</summary>
    TruncatedTransport,

    /// <summary>A TCP data offset below 20 octets or beyond the segment.</summary>
    DataOffset,

    /// <summary>A UDP length below 8 octets or beyond the packet.</summary>
    UdpLength,

    /// <summary>The packet is no ICMP error, or what it quotes is too short to name a flow.</summary>
    NothingQuoted,
}

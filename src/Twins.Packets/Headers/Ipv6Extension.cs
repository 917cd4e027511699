namespace Twins.Packets;

/// <summary>One IPv6 extension header (RFC 8200, 4). The span lives as long as the packet's buffer.</summary>
public readonly ref struct Ipv6Extension
{
    internal Ipv6Extension(byte type, Span<byte> octets)
    {
        Type = type;
        Octets = octets;
    }

    /// <summary>Its protocol number: 0 hop-by-hop, 43 routing, 44 fragment, 51 authentication, 60 destination options, 135 mobility, 139 HIP, 140 shim6.</summary>
    public byte Type { get; }

    /// <summary>The whole extension header, next-header field first.</summary>
    public Span<byte> Octets { get; }
}

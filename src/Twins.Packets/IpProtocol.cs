namespace Twins.Packets;

/// <summary>Protocol numbers of the IANA registry that Twins knows; other values pass through.</summary>
public enum IpProtocol : byte
{
    /// <summary>RFC 792.</summary>
    Icmp = 1,

    /// <summary>RFC 9293.</summary>
    Tcp = 6,

    /// <summary>RFC 768.</summary>
    Udp = 17,

    /// <summary>RFC 4443.</summary>
    IcmpV6 = 58,
}

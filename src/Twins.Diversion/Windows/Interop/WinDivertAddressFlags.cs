namespace Twins.Diversion.Windows;

/// <summary>The bit field of a <see cref="WinDivertAddress"/>.</summary>
[Flags]
internal enum WinDivertAddressFlags : byte
{
    /// <summary>An incoming packet without any finished sum.</summary>
    None = 0,

    /// <summary>A copy: the packet itself went on.</summary>
    Sniffed = 0x01,

    /// <summary>From this machine; otherwise to it. Alone decides which way a packet that is sent goes.</summary>
    Outbound = 0x02,

    /// <summary>From this machine to itself.</summary>
    Loopback = 0x04,

    /// <summary>Injected by another driver. Sending it again costs it one hop of its TTL.</summary>
    Impostor = 0x08,

    /// <summary>IPv6; otherwise IPv4.</summary>
    IPv6 = 0x10,

    /// <summary>The IPv4 header's sum is right; otherwise it is left to offload, and computed when the packet is sent.</summary>
    IPChecksum = 0x20,

    /// <summary>Likewise the TCP header's.</summary>
    TcpChecksum = 0x40,

    /// <summary>Likewise the UDP header's.</summary>
    UdpChecksum = 0x80,

    /// <summary>All sums.</summary>
    Checksums = IPChecksum | TcpChecksum | UdpChecksum,
}

using System.Runtime.CompilerServices;
using Twins.Packets;

namespace Twins.Diversion.Windows;

/// <summary>
/// Who and which ends (WINDIVERT_DATA_SOCKET and WINDIVERT_DATA_FLOW, which are laid out alike). Everything is in host byte order, the
/// lowest 32 bits of an address first; an IPv4 address is there as the IPv6 address that maps it (RFC 4291, 2.5.5.2).
/// </summary>
internal struct WinDivertSocketData
{
    private const uint MappedPrefix = 0xFFFF;

    /// <summary>The endpoint's number; the same for all events of a socket.</summary>
    public ulong EndpointId;

    /// <summary>The listener's endpoint, of a connection that was accepted.</summary>
    public ulong ParentEndpointId;

    /// <summary>The process. It may have ended, and its number may be another's by now.</summary>
    public uint ProcessId;

    /// <summary>The local address.</summary>
    public Words LocalAddress;

    /// <summary>The peer's address; zero where there is none.</summary>
    public Words RemoteAddress;

    /// <summary>The local port.</summary>
    public ushort LocalPort;

    /// <summary>The peer's port; zero where there is none.</summary>
    public ushort RemotePort;

    /// <summary>TCP, UDP, ICMP or ICMPv6.</summary>
    public IpProtocol Protocol;

    /// <summary>The local end.</summary>
    public readonly Endpoint Local => new(ToAddress(LocalAddress), LocalPort);

    /// <summary>The peer's end; unspecified where there is none.</summary>
    public readonly Endpoint Remote => new(ToAddress(RemoteAddress), RemotePort);

    private static InternetAddress ToAddress(Words words)
    {
        if (words[3] == 0 && words[2] == 0 && words[1] == MappedPrefix)
            return InternetAddress.FromIPv4(words[0]);
        Span<byte> octets = stackalloc byte[16];
        for (var i = 0; i < 4; i++)
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(octets[(i * 4)..], words[3 - i]);
        return InternetAddress.FromBytes(octets);
    }

    /// <summary>Four times 32 bits, the lowest first.</summary>
    [InlineArray(4)]
    public struct Words
    {
        private uint _lowest;
    }
}

using System.Buffers.Binary;
using Twins.Packets;

namespace Twins.Diversion.Linux;

/// <summary>What the routes of the caller's network namespace say about the size of packets.</summary>
public static unsafe class PathMtu
{
    private const int SocketDatagram = 2;
    private const int IpLevel = 0;
    private const int MtuOption = 14; // IP_MTU, ip(7)

    /// <summary>The largest packet, in octets, that the way to an IPv4 address takes as far as is known here; null without a route.</summary>
    public static int? Towards(InternetAddress destination)
    {
        using var socket = LibC.Socket(LibC.AddressFamilyInet, SocketDatagram | LibC.CloseOnExec, 0);
        if (socket.IsInvalid)
            return null;
        var address = new InternetSocketAddress { Family = LibC.AddressFamilyInet, Address = BinaryPrimitives.ReverseEndianness(destination.ToIPv4()), Port = 1 };
        var mtu = 0;
        uint length = sizeof(int);
        return LibC.Connect(socket, &address, (uint)sizeof(InternetSocketAddress)) == 0
            && LibC.GetSocketOption(socket.Number, IpLevel, MtuOption, &mtu, &length) == 0
            ? mtu
            : null;
    }
}

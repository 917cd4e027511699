using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>
/// Asks the kernel which way it would send a packet with the mark <see cref="Marks.Sent"/> (rtnetlink(7)), and whether it would encrypt it. It changes nothing, and
/// makes the kernel ask for no hardware address: what isn't known is sent by the kernel itself first. For one thread.
/// </summary>
internal sealed class NextHopQuery : IDisposable
{
    private const int ProtocolRoute = 0;
    private const int ProtocolXfrm = 6;
    private const int BufferBytes = 32 << 10;
    private const ushort GetLink = 18;
    private const ushort GetRoute = 26;
    private const ushort GetNeighbour = 30;
    private const ushort Link = 16;
    private const ushort Route = 24;
    private const ushort Neighbour = 28;
    private const ushort GetPolicyCounts = 0x25; // XFRM_MSG_GETSPDINFO
    private const ushort PolicyCounts = 0x24;
    private const int FlagsBytes = 4;      // of the two above
    private const int LinkBytes = 16;      // ifinfomsg
    private const int RouteBytes = 12;     // rtmsg
    private const int NeighbourBytes = 12; // ndmsg
    private const int Ethernet = 1;        // ARPHRD_ETHER
    private const byte Unicast = 1;        // RTN_UNICAST
    private const int KnownNeighbour = 0x02 | 0x04 | 0x08 | 0x10 | 0x80; // NUD_REACHABLE, STALE, DELAY, PROBE, PERMANENT
    private const int HardwareAddressBytes = 6;

    private readonly FileDescriptor _socket;
    private readonly FileDescriptor _policies;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private readonly NetlinkWriter _question = new();
    private uint _sequence;

    private static class Attribute
    {
        public const ushort LinkAddress = 1;
        public const ushort LinkMtu = 4;
        public const ushort RouteDestination = 1;
        public const ushort RouteInterface = 4;
        public const ushort RouteGateway = 5;
        public const ushort RouteMetrics = 8;
        public const ushort RouteMark = 16;
        public const ushort RouteVia = 18;
        public const ushort RouteEncapsulation = 22;
        public const ushort MetricMtu = 2;
        public const ushort NeighbourDestination = 1;
        public const ushort NeighbourAddress = 2;
        public const ushort PolicyCounts = 1;
    }

    private NextHopQuery(FileDescriptor socket, FileDescriptor policies) => (_socket, _policies) = (socket, policies);

    /// <summary>Opens the sockets, in the caller's network namespace.</summary>
    /// <exception cref="DiversionException">The system refused.</exception>
    public static NextHopQuery Open()
    {
        var socket = LibC.Socket(LibC.AddressFamilyNetlink, LibC.SocketRaw | LibC.CloseOnExec, ProtocolRoute);
        return socket.IsInvalid
            ? throw Errno.Last("open routing socket")
            : new NextHopQuery(socket, LibC.Socket(LibC.AddressFamilyNetlink, LibC.SocketRaw | LibC.CloseOnExec, ProtocolXfrm));
    }

    /// <summary>Finds the way to an address.</summary>
    /// <param name="destination">The IPv4 address in network order.</param>
    /// <param name="hop">The way.</param>
    /// <returns>Whether it leads over Ethernet to another machine whose hardware address is known.</returns>
    public bool TryFind(uint destination, out NextHop hop)
    {
        hop = default;
        if (MayBeEncrypted()
            || !TryRoute(destination, out var index, out var next, out var pathMtu)
            || !TryLink(index, out var linkMtu, out var own)
            || !TryNeighbour(index, next, out var neighbour))
        {
            return false;
        }

        hop = new NextHop(index, pathMtu == 0 ? linkMtu : Math.Min(pathMtu, linkMtu), neighbour, own);
        return true;
    }

    public void Dispose()
    {
        _socket.Dispose();
        _policies.Dispose();
    }

    // IPsec policies are part of the kernel's routing: where there is one for what leaves, the kernel has to send. A kernel that
    // knows none has no such socket.
    private bool MayBeEncrypted()
    {
        if (_policies.IsInvalid)
            return false;
        Begin(GetPolicyCounts, FlagsBytes);
        var reply = Ask(_policies, PolicyCounts);
        if (reply.Length < FlagsBytes)
            return true;
        var attributes = reply[FlagsBytes..];
        while (NetlinkMessage.TryTakeAttribute(ref attributes, out var type, out var value))
        {
            if (type == Attribute.PolicyCounts && value.Length >= 8)
                return MemoryMarshal.Read<uint>(value[4..]) != 0; // those for packets that leave, behind those for packets that arrive
        }

        return true;
    }

    private bool TryRoute(uint destination, out int index, out uint next, out int mtu)
    {
        (index, next, mtu) = (0, destination, 0);
        var route = Begin(GetRoute, RouteBytes);
        route[0] = LibC.AddressFamilyInet;
        route[1] = 32; // length of the destination's prefix
        _question.HostNumber(Attribute.RouteDestination, destination);
        _question.HostNumber(Attribute.RouteMark, Marks.Sent);
        var reply = Ask(_socket, Route);
        if (reply.Length < RouteBytes || reply[7] != Unicast)
            return false;
        var attributes = reply[RouteBytes..];
        while (NetlinkMessage.TryTakeAttribute(ref attributes, out var type, out var value))
        {
            switch (type)
            {
                case Attribute.RouteInterface when value.Length >= 4:
                    index = MemoryMarshal.Read<int>(value);
                    break;
                case Attribute.RouteGateway when value.Length >= 4:
                    next = MemoryMarshal.Read<uint>(value);
                    break;
                case Attribute.RouteVia: // a gateway of another family
                case Attribute.RouteEncapsulation:
                    return false;
                case Attribute.RouteMetrics:
                    while (NetlinkMessage.TryTakeAttribute(ref value, out var metric, out var number))
                    {
                        if (metric == Attribute.MetricMtu && number.Length >= 4)
                            mtu = MemoryMarshal.Read<int>(number);
                    }

                    break;
            }
        }

        return index > 0;
    }

    private bool TryLink(int index, out int mtu, out ulong address)
    {
        (mtu, address) = (0, 0);
        MemoryMarshal.Write(Begin(GetLink, LinkBytes)[4..], index);
        var reply = Ask(_socket, Link);
        if (reply.Length < LinkBytes || MemoryMarshal.Read<ushort>(reply[2..]) != Ethernet)
            return false;
        var found = false;
        var attributes = reply[LinkBytes..];
        while (NetlinkMessage.TryTakeAttribute(ref attributes, out var type, out var value))
        {
            if (type == Attribute.LinkMtu && value.Length >= 4)
                mtu = MemoryMarshal.Read<int>(value);
            else if (type == Attribute.LinkAddress)
                found = TryReadAddress(value, out address);
        }

        return found && mtu > 0;
    }

    private bool TryNeighbour(int index, uint next, out ulong address)
    {
        address = 0;
        var neighbour = Begin(GetNeighbour, NeighbourBytes);
        neighbour[0] = LibC.AddressFamilyInet;
        MemoryMarshal.Write(neighbour[4..], index);
        _question.HostNumber(Attribute.NeighbourDestination, next);
        var reply = Ask(_socket, Neighbour);
        if (reply.Length < NeighbourBytes || (MemoryMarshal.Read<ushort>(reply[8..]) & KnownNeighbour) == 0)
            return false;
        var attributes = reply[NeighbourBytes..];
        while (NetlinkMessage.TryTakeAttribute(ref attributes, out var type, out var value))
        {
            if (type == Attribute.NeighbourAddress)
                return TryReadAddress(value, out address);
        }

        return false;
    }

    /// <returns>What follows the netlink header, to be filled.</returns>
    private Span<byte> Begin(ushort type, int headerBytes)
    {
        _question.Clear();
        _question.Begin(type, 0, ++_sequence);
        return _question.Extend(headerBytes);
    }

    // The one message of the answer, without its netlink header; empty if there is none, or an error.
    private ReadOnlySpan<byte> Ask(FileDescriptor socket, ushort answer)
    {
        if (!_question.TrySend(socket))
            return [];
        // The kernel has answered when send returns. What is left of an earlier question is passed over.
        while (true)
        {
            var datagram = NetlinkMessage.Receive(socket, _buffer);
            if (!NetlinkMessage.TryTake(ref datagram, out var message))
                return [];
            if (message.Sequence == _sequence)
                return message.Type == answer ? message.Content : [];
        }
    }

    private static bool TryReadAddress(ReadOnlySpan<byte> value, out ulong address)
    {
        address = 0;
        if (value.Length != HardwareAddressBytes)
            return false;
        value.CopyTo(MemoryMarshal.AsBytes(new Span<ulong>(ref address)));
        return true;
    }
}

using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>
/// Sends superpackets through a packet socket with PACKET_VNET_HDR (packet(7)), as raw IP sockets can't: the kernel cuts them at
/// the interface, or leaves that to the card. It goes round the kernel's routing, so the way is asked for once in a while
/// (<see cref="NextHopQuery"/>), and what comes when it is time to ask again is left to the caller: sent by the kernel, it keeps
/// the neighbour's entry alive. For one thread.
/// </summary>
public sealed unsafe class SuperpacketSender : IDisposable
{
    private const int PacketFamily = 17;
    private const int PacketLevel = 263;
    private const int VirtioHeaderOption = 15; // PACKET_VNET_HDR
    private const int MarkOption = 36;
    private const int SendBufferForce = 32;
    private const int SendBufferBytes = 8 << 20;
    private const int EthernetBytes = 14;
    private const int HardwareAddressBytes = 6;
    private const ushort ProtocolIPv4 = 0x0008; // 0x0800 in network order
    private const int WayMilliseconds = 1000;
    private const int MaximumWays = 4096;

    private readonly FileDescriptor _socket;
    private readonly NextHopQuery _query;
    private readonly Dictionary<uint, (NextHop? Hop, long Until)> _ways = [];
    private readonly byte* _front = (byte*)NativeMemory.AllocZeroed((nuint)(sizeof(VirtioNetHeader) + EthernetBytes));
    private readonly MessageHeader* _message = (MessageHeader*)NativeMemory.AllocZeroed((nuint)sizeof(MessageHeader));
    private readonly LinkLayerAddress* _address = (LinkLayerAddress*)NativeMemory.AllocZeroed((nuint)sizeof(LinkLayerAddress));
    private bool _disposed;

    private SuperpacketSender(FileDescriptor socket, NextHopQuery query)
    {
        _socket = socket;
        _query = query;
        _address->Family = PacketFamily;
        _address->Protocol = ProtocolIPv4;
        _address->AddressLength = HardwareAddressBytes;
        _message->Name = _address;
        _message->NameLength = (uint)sizeof(LinkLayerAddress);
    }

    /// <summary>Superpackets sent.</summary>
    public long Sent { get; private set; }

    /// <summary>Opens the socket. Needs CAP_NET_RAW and CAP_NET_ADMIN.</summary>
    /// <returns>Null if the kernel has no such socket: then nothing can be sent this way.</returns>
    /// <exception cref="DiversionException">No routing socket.</exception>
    public static SuperpacketSender? TryOpen()
    {
        // Protocol 0: it receives nothing.
        var socket = LibC.Socket(PacketFamily, LibC.SocketRaw | LibC.CloseOnExec, 0);
        if (socket.IsInvalid)
            return null;
        var one = 1;
        var mark = Marks.Sent;
        if (LibC.SetSocketOption(socket, PacketLevel, VirtioHeaderOption, &one, sizeof(int)) != 0
            || LibC.SetSocketOption(socket, LibC.SocketLevel, MarkOption, &mark, sizeof(uint)) != 0)
        {
            socket.Dispose();
            return null;
        }

        // Best effort, as for the raw socket.
        var bytes = SendBufferBytes;
        _ = LibC.SetSocketOption(socket, LibC.SocketLevel, SendBufferForce, &bytes, sizeof(int));
        return new SuperpacketSender(socket, NextHopQuery.Open());
    }

    /// <summary>Sends at once. What another socket has yet to send of the same flow must have gone before.</summary>
    /// <param name="packet">Not empty.</param>
    /// <param name="nowMilliseconds">The caller's monotonic clock.</param>
    /// <returns>False if its segments have to be sent one by one: no known way, too long for it, or the system refused.</returns>
    public bool TrySend(Superpacket packet, long nowMilliseconds)
    {
        ArgumentNullException.ThrowIfNull(packet);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!TryFindWay(packet.Destination, nowMilliseconds, out var hop) || packet.HeaderLength + packet.SegmentPayloadBytes > hop.Mtu)
            return false;
        *(VirtioNetHeader*)_front = new VirtioNetHeader
        {
            Flags = VirtioNetHeader.NeedsChecksum,
            SegmentationType = VirtioNetHeader.SegmentationTcp4,
            HeaderLength = (ushort)(EthernetBytes + packet.HeaderLength),
            SegmentBytes = (ushort)packet.SegmentPayloadBytes,
            ChecksumStart = (ushort)(EthernetBytes + packet.TransportOffset),
            ChecksumOffset = Superpacket.TcpChecksumOffset,
        };
        // Each number is longer than its field: the next one is written over its end.
        var ethernet = _front + sizeof(VirtioNetHeader);
        *(ulong*)ethernet = hop.Neighbour;
        *(ulong*)(ethernet + HardwareAddressBytes) = hop.Own;
        *(ushort*)(ethernet + (2 * HardwareAddressBytes)) = ProtocolIPv4;
        _address->InterfaceIndex = hop.InterfaceIndex;
        _address->Address = hop.Neighbour;
        var vectors = packet.Finish(out var count);
        vectors[0] = new IoVector { Base = _front, Length = (nuint)(sizeof(VirtioNetHeader) + EthernetBytes) };
        _message->Vectors = vectors;
        _message->VectorCount = (nuint)count;
        while (LibC.SendMessage(_socket.Number, _message, 0) < 0)
        {
            if (Marshal.GetLastPInvokeError() == Errno.Interrupted)
                continue;
            // The segments, sent one by one, find out why. For a while nothing goes this way.
            _ways[packet.Destination] = (null, nowMilliseconds + WayMilliseconds);
            return false;
        }

        Sent++;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _socket.Dispose();
        _query.Dispose();
        NativeMemory.Free(_front);
        NativeMemory.Free(_message);
        NativeMemory.Free(_address);
    }

    private bool TryFindWay(uint destination, long now, out NextHop hop)
    {
        hop = default;
        if (_ways.TryGetValue(destination, out var way) && now < way.Until)
        {
            hop = way.Hop ?? default;
            return way.Hop is not null;
        }

        if (_ways.Count >= MaximumWays)
            _ways.Clear();
        _ways[destination] = (_query.TryFind(destination, out var found) ? (NextHop?)found : null, now + WayMilliseconds);
        return false;
    }
}

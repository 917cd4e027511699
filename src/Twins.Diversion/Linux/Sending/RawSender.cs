using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>
/// Sends IPv4 packets as they are through a raw socket (IPPROTO_RAW, raw(7)) in the caller's network namespace, marked
/// <see cref="Marks.Sent"/>. The kernel routes by the destination alone, whatever the source; a destination of this machine
/// goes to the local stack over the loopback device. It computes the header's checksum and, where it is 0, the identification.
/// </summary>
public sealed unsafe class RawSender : IPacketSender
{
    private const int ProtocolRaw = 255;
    private const int MarkOption = 36;
    private const int SendBufferForce = 32;
    private const int Batch = 64;
    private const int SlotBytes = 0x10000;
    private const int SendBufferBytes = 8 << 20;
    private const int MinimumPacketBytes = 20;
    private const int DestinationOffset = 16;

    private readonly FileDescriptor _socket;
    private readonly byte* _slots;
    private readonly MessageHeaderAndLength* _messages;
    private readonly IoVector* _vectors;
    private readonly InternetSocketAddress* _addresses;
    private int _count;
    private bool _disposed;

    private RawSender(FileDescriptor socket)
    {
        _socket = socket;
        _slots = (byte*)NativeMemory.Alloc((nuint)Batch * SlotBytes);
        _messages = (MessageHeaderAndLength*)NativeMemory.AllocZeroed(Batch, (nuint)sizeof(MessageHeaderAndLength));
        _vectors = (IoVector*)NativeMemory.AllocZeroed(Batch, (nuint)sizeof(IoVector));
        _addresses = (InternetSocketAddress*)NativeMemory.AllocZeroed(Batch, (nuint)sizeof(InternetSocketAddress));
        for (var i = 0; i < Batch; i++)
        {
            _addresses[i].Family = LibC.AddressFamilyInet;
            _messages[i].Header.Name = _addresses + i;
            _messages[i].Header.NameLength = (uint)sizeof(InternetSocketAddress);
            _messages[i].Header.Vectors = _vectors + i;
            _messages[i].Header.VectorCount = 1;
        }
    }

    /// <inheritdoc/>
    public SendCounters Counters { get; } = new();

    /// <summary>
    /// Called within <see cref="Flush"/> for each packet that is larger than the way out carries, with the packet, valid during the call.
    /// It may not send.
    /// </summary>
    public Action<ReadOnlySpan<byte>>? TooLarge { get; set; }

    /// <summary>Opens the socket. Needs CAP_NET_RAW and CAP_NET_ADMIN.</summary>
    /// <exception cref="DiversionException">The system refused.</exception>
    public static RawSender Open()
    {
        var socket = LibC.Socket(LibC.AddressFamilyInet, LibC.SocketRaw | LibC.CloseOnExec, ProtocolRaw);
        if (socket.IsInvalid)
            throw Errno.Last("open raw socket");
        var mark = Marks.Sent;
        if (LibC.SetSocketOption(socket, LibC.SocketLevel, MarkOption, &mark, sizeof(uint)) != 0)
        {
            var failure = Errno.Last("mark the raw socket");
            socket.Dispose();
            throw failure;
        }

        // Best effort, as for the queue's receive buffer.
        var bytes = SendBufferBytes;
        _ = LibC.SetSocketOption(socket, LibC.SocketLevel, SendBufferForce, &bytes, sizeof(int));
        return new RawSender(socket);
    }

    /// <inheritdoc/>
    public void Enqueue(ReadOnlySpan<byte> packet)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var slot = _slots + (nint)_count * SlotBytes;
        packet.CopyTo(new Span<byte>(slot, SlotBytes));
        Add(slot, packet.Length);
    }

    /// <summary>Sends the packet from where it is, without a copy.</summary>
    /// <param name="packet">Native or pinned memory that neither moves nor changes before the next <see cref="Flush"/> has returned.</param>
    public void EnqueueInPlace(ReadOnlySpan<byte> packet)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Add((byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference(packet)), packet.Length);
    }

    /// <inheritdoc/>
    public void Flush()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var done = 0;
        while (done < _count)
        {
            var sent = LibC.SendMany(_socket, _messages + done, (uint)(_count - done), 0);
            if (sent > 0)
            {
                Counters.Sent += sent;
                done += sent;
                continue;
            }

            var error = Marshal.GetLastPInvokeError();
            if (error == Errno.Interrupted)
                continue;
            Count(error);
            if (error == Errno.MessageSize)
                TooLarge?.Invoke(new ReadOnlySpan<byte>(_vectors[done].Base, (int)_vectors[done].Length));
            done++;
        }

        _count = 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _socket.Dispose();
        NativeMemory.Free(_slots);
        NativeMemory.Free(_messages);
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_addresses);
    }

    private void Add(byte* packet, int length)
    {
        if (length < MinimumPacketBytes || packet[0] >> 4 != 4)
            throw new ArgumentException("Not an IPv4 packet.", nameof(packet));
        _addresses[_count].Address = *(uint*)(packet + DestinationOffset);
        _vectors[_count].Base = packet;
        _vectors[_count].Length = (nuint)length;
        if (++_count == Batch)
            Flush();
    }

    private void Count(int error)
    {
        switch (error)
        {
            case Errno.MessageSize:
                Counters.TooLarge++;
                break;
            case Errno.NoBuffer or Errno.NoMemory or Errno.Again:
                Counters.NoBuffer++;
                break;
            case Errno.NotPermitted or Errno.AccessDenied:
                Counters.Forbidden++;
                break;
            case Errno.NetworkUnreachable or Errno.HostUnreachable or Errno.NetworkDown:
                Counters.Unreachable++;
                break;
            default:
                Counters.Other++;
                break;
        }
    }
}

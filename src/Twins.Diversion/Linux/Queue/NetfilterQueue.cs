using System.Runtime.InteropServices;
using Twins.Packets;

namespace Twins.Diversion.Linux;

/// <summary>
/// One NFQUEUE of the caller's network namespace. The kernel cuts superpackets and finishes checksums before they come here,
/// unless <see cref="SetOffload"/> says otherwise: the queue doesn't tell the size of a superpacket's segments, so only who
/// needs not cut it again can do with it whole.
/// When the socket closes, the kernel drops what waits and, with no one on the queue, all that follows.
/// </summary>
public sealed unsafe class NetfilterQueue : IDiverter
{
    /// <summary>Packets that the kernel keeps for us before it drops; its own default is 1,024.</summary>
    public const uint DefaultMaximumPackets = 131_072;

    private const int Batch = 64;
    private const int SlotBytes = 0x11000; // the largest attribute and all the others
    private const int ReceiveBufferBytes = 64 << 20;
    private const uint FailOpenFlag = 1;
    private const uint OffloadFlag = 4;

    private readonly FileDescriptor _socket;
    private readonly ushort _queue;
    private readonly byte* _slots;
    private readonly MessageHeaderAndLength* _messages;
    private readonly IoVector* _vectors;
    private readonly NetlinkWriter _verdicts = new();
    private readonly QueuedPacket[] _packets = new QueuedPacket[Batch];
    private readonly int[] _slotOf = new int[Batch];
    private int _count;
    private int _accepted;
    private bool _offload;
    private bool _disposed;

    private NetfilterQueue(FileDescriptor socket, ushort queue)
    {
        _socket = socket;
        _queue = queue;
        _slots = (byte*)NativeMemory.Alloc((nuint)Batch * SlotBytes);
        _vectors = (IoVector*)NativeMemory.AllocZeroed(Batch, (nuint)sizeof(IoVector));
        _messages = (MessageHeaderAndLength*)NativeMemory.AllocZeroed(Batch, (nuint)sizeof(MessageHeaderAndLength));
        for (var i = 0; i < Batch; i++)
        {
            _vectors[i] = new IoVector { Base = _slots + (nint)i * SlotBytes, Length = SlotBytes };
            _messages[i].Header.Vectors = _vectors + i;
            _messages[i].Header.VectorCount = 1;
        }
    }

    /// <summary>The descriptor to poll for reading.</summary>
    public FileDescriptor Descriptor => _socket;

    /// <summary>The queue's number.</summary>
    public ushort Number => _queue;

    /// <inheritdoc/>
    public int BatchSize => Batch;

    /// <summary>Messages that were no packets, among them refused verdicts on packets that the kernel no longer had.</summary>
    public long Refusals { get; private set; }

    /// <summary>
    /// Lets superpackets come whole and checksums come unfinished (NFQA_CFG_F_GSO), or not, from the next packet on. One longer than
    /// the 65,531 octets that a netlink attribute carries comes truncated.
    /// </summary>
    /// <exception cref="DiversionException">The system refused.</exception>
    public void SetOffload(bool on)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (on == _offload)
            return;
        // Not acknowledged: waiting for that would mean to throw away packets that come before it. A refusal is no packet and counted.
        var message = new NetlinkWriter();
        QueueMessages.WriteFlags(message, _queue, on ? OffloadFlag : 0, OffloadFlag);
        if (!message.TrySend(_socket))
            throw Errno.Last($"set the offload of queue {_queue}");
        _offload = on;
    }

    /// <summary>Binds the queue. Nobody else may have it.</summary>
    /// <param name="queue">The queue's number.</param>
    /// <param name="maximumPackets">Packets that the kernel keeps for us.</param>
    /// <exception cref="DiversionException">No rights, or the queue is taken.</exception>
    public static NetfilterQueue Open(ushort queue, uint maximumPackets = DefaultMaximumPackets)
    {
        var socket = LibC.Socket(LibC.AddressFamilyNetlink, LibC.SocketRaw | LibC.CloseOnExec, LibC.NetlinkNetfilter);
        if (socket.IsInvalid)
            throw Errno.Last("open netfilter socket");
        try
        {
            Configure(socket, queue, maximumPackets);
            return new NetfilterQueue(socket, queue);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Packets that the kernel dropped because the queue or the socket's buffer was full, since the queue was bound
    /// (/proc/net/netfilter/nfnetlink_queue, of the calling thread's namespace). 0 if that can't be read.
    /// </summary>
    public long ReadKernelDrops()
    {
        try
        {
            return QueueStatistics.Drops(File.ReadAllText("/proc/thread-self/net/netfilter/nfnetlink_queue"), _queue);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    /// <inheritdoc/>
    public DivertedPacket this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)_count, nameof(index));
            ref readonly var packet = ref _packets[index];
            return new DivertedPacket(
                packet.Id,
                packet.Mark,
                (packet.BufferFlags & QueuedPacket.ChecksumNotReady) != 0 ? ChecksumState.Partial : ChecksumState.Complete,
                (packet.BufferFlags & QueuedPacket.Superpacket) != 0,
                packet.WholeLength > packet.PayloadLength,
                new Span<byte>(_slots + (nint)_slotOf[index] * SlotBytes + packet.PayloadOffset, packet.PayloadLength));
        }
    }

    /// <inheritdoc/>
    public int Receive()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_count > 0)
            throw new InvalidOperationException("The batch before has no verdicts yet.");
        var received = LibC.ReceiveMany(_socket, _messages, Batch, LibC.MessageDontWait, null);
        if (received < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            return error is Errno.Again or Errno.Interrupted or Errno.NoBuffer ? 0 : throw Errno.Of($"receive from queue {_queue}", error);
        }

        for (var i = 0; i < received; i++)
        {
            var datagram = new ReadOnlySpan<byte>(_slots + (nint)i * SlotBytes, (int)Math.Min(_messages[i].Length, SlotBytes));
            if (QueueMessages.TryReadPacket(datagram, out _packets[_count]))
                _slotOf[_count++] = i;
            else
                Refusals++;
        }

        return _count;
    }

    /// <inheritdoc/>
    public void Accept(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)_count, nameof(index));
        if (_accepted == Batch)
            throw new InvalidOperationException("A packet was accepted twice.");
        _accepted++;
        QueueMessages.WriteVerdict(_verdicts, _queue, QueueMessages.Accept, _packets[index].Id);
    }

    /// <inheritdoc/>
    public void Complete()
    {
        if (_count == 0)
            return;
        // The kernel works through the datagram in order: what was accepted has left the queue when the rest is dropped by one
        // verdict on all up to the last number. Nothing older waits: every batch is completed before the next is received.
        if (_accepted < _count)
            QueueMessages.WriteBatchVerdict(_verdicts, _queue, QueueMessages.Drop, _packets[_count - 1].Id);
        (_count, _accepted) = (0, 0);
        var isSent = _verdicts.TrySend(_socket);
        _verdicts.Clear();
        if (!isSent)
            throw Errno.Last($"give verdicts to queue {_queue}");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;

        // Said, because closing alone doesn't free the queue while a child between fork and exec has the descriptor too.
        var message = new NetlinkWriter();
        QueueMessages.WriteUnbind(message, _queue);
        message.TrySend(_socket);
        _socket.Dispose();
        NativeMemory.Free(_slots);
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_messages);
    }

    private static void Configure(FileDescriptor socket, ushort queue, uint maximumPackets)
    {
        var address = new NetlinkAddress { Family = LibC.AddressFamilyNetlink };
        if (LibC.Bind(socket, &address, (uint)sizeof(NetlinkAddress)) != 0)
            throw Errno.Last("bind netfilter socket");

        // Best effort: without CAP_NET_ADMIN in the first user namespace the receive buffer stays at the system's limit.
        var bytes = ReceiveBufferBytes;
        const int receiveBufferForce = 33;
        _ = LibC.SetSocketOption(socket, LibC.SocketLevel, receiveBufferForce, &bytes, sizeof(int));

        // A full buffer then drops the packet, as a full queue does; nothing is to be learned from ENOBUFS.
        var one = 1;
        const int noNoBufferErrors = 5;
        if (LibC.SetSocketOption(socket, LibC.NetlinkLevel, noNoBufferErrors, &one, sizeof(int)) != 0)
            throw Errno.Last("set NETLINK_NO_ENOBUFS");

        var message = new NetlinkWriter();
        QueueMessages.WriteBind(message, queue, 1);
        Command(socket, message, 1, $"bind queue {queue}", "another program holds this queue number");
        message.Clear();
        QueueMessages.WriteParameters(message, queue, 2, maximumPackets, 0, FailOpenFlag | OffloadFlag);
        Command(socket, message, 2, $"configure queue {queue}", "");
    }

    private static void Command(FileDescriptor socket, NetlinkWriter message, uint sequence, string operation, string busyRemedy)
    {
        if (!message.TrySend(socket))
            throw Errno.Last(operation);
        var reply = stackalloc byte[SmallReplyBytes];
        while (true)
        {
            var length = LibC.Receive(socket, reply, SmallReplyBytes, 0);
            if (length < 0)
            {
                if (Marshal.GetLastPInvokeError() == Errno.Interrupted)
                    continue;
                throw Errno.Last(operation);
            }

            // A packet may already come in between; nobody gave a verdict on it, so it goes to the first batch's drop.
            var answers = new ReadOnlySpan<byte>(reply, (int)length);
            if (!NetlinkMessage.TryTake(ref answers, out var answer) || !answer.TryReadError(out var errno) || answer.Sequence != sequence)
                continue;
            if (errno == 0)
                return;
            throw Errno.Of(operation, errno, errno == Errno.Busy || errno == Errno.NotPermitted ? busyRemedy : "");
        }
    }

    private const int SmallReplyBytes = 4096;
}

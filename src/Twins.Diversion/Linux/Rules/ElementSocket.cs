using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>Carries transactions of elements to the kernel. Belongs to the network namespace in which it was opened. For one thread at a time.</summary>
internal sealed unsafe class ElementSocket : IDisposable
{
    private const int NetfilterProtocol = 12; // NETLINK_NETFILTER
    private const int SendBufferForce = 32;   // SO_SNDBUFFORCE
    private const ushort ErrorType = 2;       // NLMSG_ERROR: an acknowledgement, or errno
    private const int NetlinkHeaderBytes = 16;
    private readonly FileDescriptor _socket;
    private readonly ElementMessages _messages = new();
    private readonly byte[] _answer = new byte[64 << 10];
    private int _sendBuffer;

    private ElementSocket(FileDescriptor socket) => _socket = socket;

    /// <exception cref="DiversionException">No rights.</exception>
    public static ElementSocket Open()
    {
        var socket = LibC.Socket(LibC.AddressFamilyNetlink, LibC.SocketRaw | LibC.CloseOnExec, NetfilterProtocol);
        if (!socket.IsInvalid)
            return new ElementSocket(socket);
        throw Failure(Marshal.GetLastPInvokeError());
    }

    /// <summary>Takes elements out and puts others in, all or nothing.</summary>
    /// <exception cref="DiversionException">The kernel refused; nothing is changed.</exception>
    public void Change(TargetChanges changes)
    {
        var batch = _messages.Write(changes);
        // The whole transaction is one datagram.
        MakeRoom(batch.Length + 4096);
        fixed (byte* octets = batch)
        {
            if (LibC.Send(_socket, octets, (nuint)batch.Length, 0) != batch.Length)
                throw Failure(Marshal.GetLastPInvokeError());
        }

        // The kernel works while send() lasts: when it is back, all answers are there.
        var (done, error) = (false, 0);
        while (Receive() is > 0 and var received)
            Read(_answer.AsSpan(0, received), ref done, ref error);
        if (error != 0 || !done)
            throw Failure(error);
    }

    public void Dispose() => _socket.Dispose();

    private static DiversionException Failure(int error) => new(
        "change what is diverted", error, error == 0 ? "the kernel didn't say that it did" : new Win32Exception(error).Message, "see `twins doctor`");

    private int Receive()
    {
        fixed (byte* octets = _answer)
            return (int)LibC.Receive(_socket, octets, (nuint)_answer.Length, LibC.MessageDontWait);
    }

    private void Read(ReadOnlySpan<byte> answers, ref bool done, ref int error)
    {
        while (answers.Length >= NetlinkHeaderBytes + 4)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(answers);
            if (length < NetlinkHeaderBytes + 4 || length > answers.Length)
                return;
            if (BinaryPrimitives.ReadUInt16LittleEndian(answers[4..]) == ErrorType)
            {
                var code = -BinaryPrimitives.ReadInt32LittleEndian(answers[NetlinkHeaderBytes..]);
                if (error == 0)
                    error = code;
                done |= code == 0 && BinaryPrimitives.ReadUInt32LittleEndian(answers[8..]) == _messages.LastSequence;
            }

            answers = answers[Math.Min((length + 3) & ~3, answers.Length)..];
        }
    }

    private void MakeRoom(int bytes)
    {
        if (bytes <= _sendBuffer)
            return;
        if (LibC.SetSocketOption(_socket, LibC.SocketLevel, SendBufferForce, &bytes, sizeof(int)) != 0)
            throw Failure(Marshal.GetLastPInvokeError());
        _sendBuffer = bytes;
    }
}

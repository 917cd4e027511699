using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>What the class library leaves out of Unix sockets (unix(7)): descriptors as ancillary data, and who the peer is.</summary>
public static unsafe class UnixSockets
{
    /// <summary>Descriptors at most in one message.</summary>
    public const int MaximumDescriptors = 16;

    private const int PeerCredentials = 17; // SO_PEERCRED
    private const int Rights = 1;           // SCM_RIGHTS
    private const int ControlHeaderBytes = 16;
    private const int ControlBytes = ControlHeaderBytes + ((MaximumDescriptors * sizeof(int) + 7) & ~7);

    /// <summary>Sends octets with descriptors; the receiver gets copies of them with the first of the octets.</summary>
    /// <param name="socket">A connected stream socket; in blocking mode it may wait.</param>
    /// <param name="data">One octet or more.</param>
    /// <param name="descriptors">At most <see cref="MaximumDescriptors"/>, all open.</param>
    /// <returns>Octets sent, which may be fewer; the descriptors went with them.</returns>
    /// <exception cref="DiversionException">The system refused.</exception>
    public static int Send(Socket socket, ReadOnlySpan<byte> data, ReadOnlySpan<int> descriptors)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentOutOfRangeException.ThrowIfZero(data.Length, nameof(data));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Length, MaximumDescriptors, nameof(descriptors));
        var control = stackalloc byte[ControlBytes];
        new Span<byte>(control, ControlBytes).Clear();
        fixed (byte* bytes = data)
        {
            var vector = new IoVector { Base = bytes, Length = (nuint)data.Length };
            var message = new MessageHeader { Vectors = &vector, VectorCount = 1 };
            if (descriptors.Length > 0)
            {
                var length = ControlHeaderBytes + (descriptors.Length * sizeof(int));
                *(nuint*)control = (nuint)length;
                *(int*)(control + 8) = LibC.SocketLevel;
                *(int*)(control + 12) = Rights;
                descriptors.CopyTo(new Span<int>(control + ControlHeaderBytes, descriptors.Length));
                message.Control = control;
                message.ControlLength = (nuint)((length + 7) & ~7);
            }

            while (true)
            {
                var sent = LibC.SendMessage((int)socket.Handle, &message, LibC.MessageNoSignal);
                if (sent >= 0)
                    return (int)sent;
                if (Marshal.GetLastPInvokeError() != Errno.Interrupted)
                    throw Errno.Last("send descriptors");
            }
        }
    }

    /// <summary>Receives octets and the descriptors that came with them.</summary>
    /// <param name="socket">A connected stream socket in blocking mode.</param>
    /// <param name="buffer">Where the octets go.</param>
    /// <param name="descriptors">Where descriptors are added; the caller owns them.</param>
    /// <returns>Octets received; 0 at the end.</returns>
    /// <exception cref="DiversionException">The system refused, or more descriptors came than <see cref="MaximumDescriptors"/>.</exception>
    public static int Receive(Socket socket, Span<byte> buffer, ICollection<FileDescriptor> descriptors)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentNullException.ThrowIfNull(descriptors);
        var control = stackalloc byte[ControlBytes];
        fixed (byte* bytes = buffer)
        {
            var vector = new IoVector { Base = bytes, Length = (nuint)buffer.Length };
            var message = new MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = ControlBytes };
            nint received;
            while ((received = LibC.ReceiveMessage((int)socket.Handle, &message, LibC.MessageCloseOnExec)) < 0)
            {
                if (Marshal.GetLastPInvokeError() != Errno.Interrupted)
                    throw Errno.Last("receive descriptors");
            }

            Collect(control, (int)message.ControlLength, descriptors);
            if ((message.Flags & LibC.MessageControlTruncated) != 0)
                throw new DiversionException("receive descriptors", 0, $"more than {MaximumDescriptors} came");
            return (int)received;
        }
    }

    /// <summary>Who was at the other end when the connection was made.</summary>
    /// <exception cref="DiversionException">Not a connected Unix socket.</exception>
    public static UnixCredentials PeerOf(Socket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        UnixCredentials credentials;
        var length = (uint)sizeof(UnixCredentials);
        return LibC.GetSocketOption((int)socket.Handle, LibC.SocketLevel, PeerCredentials, &credentials, &length) == 0
            ? credentials
            : throw Errno.Last("read the peer's credentials");
    }

    private static void Collect(byte* control, int length, ICollection<FileDescriptor> descriptors)
    {
        for (var at = 0; length - at >= ControlHeaderBytes;)
        {
            var size = (int)*(nuint*)(control + at);
            if (size < ControlHeaderBytes || size > length - at)
                return;
            if (*(int*)(control + at + 8) == LibC.SocketLevel && *(int*)(control + at + 12) == Rights)
            {
                for (var i = ControlHeaderBytes; i + sizeof(int) <= size; i += sizeof(int))
                    descriptors.Add(new FileDescriptor(*(int*)(control + at + i)));
            }

            at += (size + 7) & ~7;
        }
    }
}

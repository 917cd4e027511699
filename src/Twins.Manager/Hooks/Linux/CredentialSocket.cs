using System.Buffers.Binary;
using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Twins.Manager.Hooks.Linux;

/// <summary>An AF_UNIX datagram socket that tells with each datagram which process sent it (unix(7), SO_PASSCRED).</summary>
internal sealed class CredentialSocket : IDisposable
{
    private const int ControlBytes = 256;
    private const int ControlHeaderBytes = 16; // struct cmsghdr
    private const int CredentialBytes = 12;    // struct ucred
    private const int RightsType = 1;          // SCM_RIGHTS
    private readonly Socket _socket;

    private CredentialSocket(Socket socket) => _socket = socket;

    /// <summary>
    /// Binds the path, where anybody may send to. A socket that a crash left there is replaced.
    /// The kernel bounds the queue in datagrams by a sysctl of the network namespace the socket is made
    /// in, ten by default, too few for a burst of connections. The machine's setting is not ours to
    /// change, so the socket is made in a namespace of its own, which lives no longer than the socket;
    /// the path works from everywhere. Where that is not allowed the short queue has to do.
    /// </summary>
    /// <param name="path">Absolute, at most 107 octets.</param>
    /// <param name="queueLength">Datagrams that may wait; more are lost.</param>
    /// <exception cref="SocketException">The path can't be bound.</exception>
    public static CredentialSocket Bind(string path, int queueLength)
    {
        var socket = Create(queueLength);
        try
        {
            var one = 1;
            if (Native.SetSocketOption(socket.SafeHandle, Native.SocketLevel, Native.PassCredentials, in one, sizeof(int)) != 0)
                throw new Win32Exception(Marshal.GetLastPInvokeError(), "setsockopt SO_PASSCRED");
            File.Delete(path);
            socket.Bind(new UnixDomainSocketEndPoint(path));
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(path, (UnixFileMode)0b110_110_110);
            return new CredentialSocket(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Waits for a datagram. Gives its length, cut to the buffer; -1 for one that did not fit, and 0 with
    /// <paramref name="pid"/> 0 when the socket was shut down.
    /// </summary>
    /// <param name="pid">The sender in this PID namespace; 0 when it is not visible there.</param>
    /// <param name="uid">The sender's user.</param>
    public unsafe int Receive(Span<byte> buffer, out int pid, out uint uid)
    {
        pid = 0;
        uid = 0;
        Span<byte> control = stackalloc byte[ControlBytes];
        fixed (byte* data = buffer, controlData = control)
        {
            var vector = new BufferVector { Base = data, Length = (nuint)buffer.Length };
            var header = new MessageHeader { Buffers = &vector, BufferCount = 1, Control = controlData, ControlLength = ControlBytes };
            int length;
            const int Interrupted = 4, TryAgain = 11;
            while ((length = (int)Native.ReceiveMessage(_socket.SafeHandle, ref header, Native.CloseOnExec)) < 0)
            {
                var error = Marshal.GetLastPInvokeError();
                if (error is not (Interrupted or TryAgain))
                    throw new Win32Exception(error, "recvmsg");
            }

            ReadControl(control[..(int)Math.Min(header.ControlLength, ControlBytes)], ref pid, ref uid);
            return (header.Flags & Native.Truncated) != 0 ? -1 : length;
        }
    }

    /// <summary>Ends a <see cref="Receive"/> in another thread.</summary>
    public void Shutdown() => _socket.Shutdown(SocketShutdown.Receive);

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private static Socket Create(int queueLength)
    {
        var descriptor = -1;
        var error = 0;
        // A thread of its own, which ends in the other namespace. It makes system calls and no more: a thread that the runtime started
        // on it would stay there.
        var thread = new Thread(() =>
        {
            if (Native.Unshare(Native.CloneNewNet) == 0)
                TryLengthenQueue(queueLength);
            descriptor = Native.Socket(Native.UnixFamily, Native.DatagramSocket | Native.SocketCloseOnExec, 0);
            error = Marshal.GetLastPInvokeError();
        });
        thread.Start();
        thread.Join();
        return descriptor >= 0 ? new Socket(new SafeSocketHandle(descriptor, ownsHandle: true)) : throw new Win32Exception(error, "socket");
    }

    // /proc/sys is read-only in some containers: the default length stays.
    private static void TryLengthenQueue(int queueLength)
    {
        var setting = Native.Open("/proc/sys/net/unix/max_dgram_qlen"u8, Native.WriteOnly | Native.FileCloseOnExec);
        if (setting < 0)
            return;
        Span<byte> text = stackalloc byte[11];
        if (queueLength.TryFormat(text, out var length, provider: System.Globalization.CultureInfo.InvariantCulture))
            _ = Native.Write(setting, text[..length], (nuint)length);
        _ = Native.Close(setting);
    }

    /// <summary>Takes the credentials; closes descriptors that a sender slipped in.</summary>
    private static void ReadControl(ReadOnlySpan<byte> control, ref int pid, ref uint uid)
    {
        while (control.Length >= ControlHeaderBytes)
        {
            var length = BinaryPrimitives.ReadInt64LittleEndian(control);
            if (length < ControlHeaderBytes || length > control.Length)
                return;
            var type = BinaryPrimitives.ReadInt32LittleEndian(control[12..]);
            var data = control[ControlHeaderBytes..(int)length];
            if (BinaryPrimitives.ReadInt32LittleEndian(control[8..]) == Native.SocketLevel && type == Native.ScmCredentials && data.Length >= CredentialBytes)
            {
                pid = BinaryPrimitives.ReadInt32LittleEndian(data);
                uid = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
            }
            else if (type == RightsType)
            {
                for (; data.Length >= sizeof(int); data = data[sizeof(int)..])
                    _ = Native.Close(BinaryPrimitives.ReadInt32LittleEndian(data));
            }

            control = control[(int)Math.Min((length + 7) & ~7, control.Length)..];
        }
    }
}

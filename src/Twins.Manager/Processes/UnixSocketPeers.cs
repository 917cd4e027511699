using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twins.Manager.Processes;

/// <summary>Who is connected with whom over AF_UNIX, which only the kernel's socket diagnosis tells (sock_diag(7)).</summary>
internal static class UnixSocketPeers
{
    private const int HeaderBytes = 16;       // struct nlmsghdr
    private const int RequestBytes = 24;      // struct unix_diag_req
    private const int MessageBytes = 16;      // struct unix_diag_msg
    private const ushort SockDiagByFamily = 20;
    private const ushort RequestAndDump = 0x301;
    private const ushort Error = 2, Done = 3;
    private const uint ShowPeer = 4;
    private const ushort PeerAttribute = 2;   // UNIX_DIAG_PEER

    /// <summary>
    /// Inode to inode of the other end for all connected sockets of a process's network namespace.
    /// A socket whose other end is closed is not in it. The way of two inodes is symmetric for streams;
    /// of datagram sockets only the one that called connect() is listed.
    /// </summary>
    /// <exception cref="Win32Exception">The kernel refused (no CAP_SYS_ADMIN for another namespace, or no unix_diag).</exception>
    public static Dictionary<ulong, ulong> Read(int pid)
    {
        Dictionary<ulong, ulong>? peers = null;
        Exception? failure = null;
        // setns(2) is per thread, and this thread ends right after.
        var thread = new Thread(() =>
        {
            try
            {
                Enter(FormattableString.Invariant($"/proc/{pid}/ns/net"));
                peers = Dump();
            }
            catch (Exception exception) when (exception is Win32Exception or IOException or UnauthorizedAccessException)
            {
                failure = exception;
            }
        });
        thread.Start();
        thread.Join();
        return peers ?? throw new Win32Exception($"AF_UNIX connections can't be read: {failure?.Message}");
    }

    private static void Enter(string network)
    {
        if (ProcFile.ReadLink(network) == ProcFile.ReadLink("/proc/thread-self/ns/net"))
            return;
        using var handle = File.OpenHandle(network);
        if (Native.SetNamespace(handle, Native.CloneNewNet) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    private static Dictionary<ulong, ulong> Dump()
    {
        var descriptor = Native.Socket(Native.NetlinkFamily, Native.RawType | Native.CloseOnExec, Native.SockDiagProtocol);
        if (descriptor < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        using var socket = new SafeFileHandle(descriptor, ownsHandle: true);
        var request = new byte[HeaderBytes + RequestBytes];
        BinaryPrimitives.WriteInt32LittleEndian(request, request.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(4), SockDiagByFamily);
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(6), RequestAndDump);
        request[HeaderBytes] = 1; // AF_UNIX
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(HeaderBytes + 4), uint.MaxValue); // all states
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(HeaderBytes + 12), ShowPeer);
        if (Native.Send(socket, request, request.Length, 0) != request.Length)
            throw new Win32Exception(Marshal.GetLastPInvokeError());

        var peers = new Dictionary<ulong, ulong>();
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var received = (int)Native.Receive(socket, buffer, buffer.Length, 0);
            if (received <= 0)
                throw new Win32Exception(Marshal.GetLastPInvokeError());
            if (!TakeAll(buffer.AsSpan(0, received), peers))
                return peers;
        }
    }

    /// <summary>Takes the messages of one datagram; false after the last of the dump.</summary>
    private static bool TakeAll(ReadOnlySpan<byte> datagram, Dictionary<ulong, ulong> peers)
    {
        while (datagram.Length >= HeaderBytes)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(datagram);
            if (length < HeaderBytes || length > datagram.Length)
                return true;
            switch (BinaryPrimitives.ReadUInt16LittleEndian(datagram[4..]))
            {
                case Done:
                    return false;
                case Error:
                    throw new Win32Exception(-BinaryPrimitives.ReadInt32LittleEndian(datagram[HeaderBytes..]));
                default:
                    Take(datagram[HeaderBytes..length], peers);
                    break;
            }

            datagram = datagram[Math.Min(Align(length), datagram.Length)..];
        }

        return true;
    }

    private static void Take(ReadOnlySpan<byte> message, Dictionary<ulong, ulong> peers)
    {
        if (message.Length < MessageBytes)
            return;
        var inode = BinaryPrimitives.ReadUInt32LittleEndian(message[4..]);
        for (var attributes = message[MessageBytes..]; attributes.Length >= 4;)
        {
            var length = BinaryPrimitives.ReadUInt16LittleEndian(attributes);
            if (length < 4 || length > attributes.Length)
                return;
            if (BinaryPrimitives.ReadUInt16LittleEndian(attributes[2..]) == PeerAttribute && length >= 8)
                peers[inode] = BinaryPrimitives.ReadUInt32LittleEndian(attributes[4..]);
            attributes = attributes[Math.Min(Align(length), attributes.Length)..];
        }
    }

    private static int Align(int length) => (length + 3) & ~3;
}

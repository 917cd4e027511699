using System.Buffers.Binary;
using System.ComponentModel;

namespace Twins.Manager.Processes;

/// <summary>Who is connected with whom over AF_UNIX, which only the kernel's socket diagnosis tells.</summary>
internal static class UnixSocketPeers
{
    private const int RequestBytes = 24;      // struct unix_diag_req
    private const int MessageBytes = 16;      // struct unix_diag_msg
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
        var request = new byte[RequestBytes];
        request[0] = 1; // AF_UNIX
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(4), uint.MaxValue); // all states
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(12), ShowPeer);
        var peers = new Dictionary<ulong, ulong>();
        try
        {
            SocketDiagnosis.Dump(pid, [request], message => Take(message, peers));
            return peers;
        }
        catch (Exception exception) when (exception is Win32Exception or IOException)
        {
            throw new Win32Exception($"AF_UNIX connections can't be read: {exception.Message}");
        }
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
            attributes = attributes[Math.Min(SocketDiagnosis.Align(length), attributes.Length)..];
        }
    }
}

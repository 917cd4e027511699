using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Twins.Manager.Processes;

namespace Twins.Manager.Checkpoint;

/// <summary>
/// Reaches into the TCP sockets of other processes through duplicates of their descriptors: options and what waits in them.
/// Which sockets there are, and where they lead, tells <see cref="ProcessSockets"/>.
/// </summary>
internal static partial class ForeignSockets
{
    public const int InternetProtocol = 0;
    public const int TransmissionControl = 6;
    public const int Internet6Protocol = 41;
    public const int SocketLevel = 1;
    private const int SocketProtocol = 38;
    private const int SocketDomain = 39;
    private const int TcpInfo = 11;
    private const int InternetFamily6 = 10;
    private const int PendingInput = 0x541B;
    private const short Priority = 2;

    /// <summary>Calls <paramref name="action"/> with (socket, is IPv6) once per TCP socket that is neither listening nor closed.</summary>
    public static void ForEachConnection(IEnumerable<int> pids, Action<SafeFileHandle, bool> action) => ForEach(pids, descriptor =>
    {
        if (descriptor.IsConnected)
            action(descriptor.Socket, descriptor.IsIPv6);
    });

    /// <summary>Calls <paramref name="action"/> once per TCP socket, in whatever state.</summary>
    public static void ForEach(IEnumerable<int> pids, Action<TcpDescriptor> action)
    {
        var seen = new HashSet<ulong>();
        foreach (var pid in pids)
        {
            using var process = ProcessHandle.TryOpen(pid);
            if (process is null)
                continue;
            foreach (var descriptor in DescriptorFolder.Read(pid))
            {
                // Forked processes share sockets: the inode tells.
                if (!descriptor.TryGetInode("socket", out var inode) || seen.Contains(inode))
                    continue;
                using var socket = process.TryDuplicate(descriptor.Number);
                if (socket is null)
                    continue;
                seen.Add(inode);
                if (IsTcp(socket))
                    action(Describe(socket, pid, descriptor.Number, inode));
            }
        }
    }

    /// <summary>Whether a descriptor is a TCP socket.</summary>
    public static bool IsTcp(SafeHandle socket) => GetInt(socket, SocketLevel, SocketProtocol) == TransmissionControl;

    /// <summary>What <see cref="ForEach"/> tells of a socket.</summary>
    public static TcpDescriptor Describe(SafeFileHandle socket, int pid, int number, ulong inode) =>
        // The first octet of struct tcp_info is the state.
        new(socket, pid, number, GetInt(socket, TransmissionControl, TcpInfo) & 0xff, GetInt(socket, SocketLevel, SocketDomain) == InternetFamily6, inode);

    public static unsafe int GetInt(SafeHandle socket, int level, int option)
    {
        var value = 0;
        var length = 4;
        return GetOption(socket, level, option, &value, &length) == 0 ? value : -1;
    }

    public static unsafe bool TrySetInt(SafeHandle socket, int level, int option, int value) =>
        SetOption(socket, level, option, &value, 4) == 0;

    /// <summary>Whether the option has a value of more than no octets.</summary>
    public static unsafe bool HasValue(SafeHandle socket, int level, int option)
    {
        var value = stackalloc byte[256];
        var length = 256;
        return GetOption(socket, level, option, value, &length) == 0 && length > 0;
    }

    /// <summary>Sets an option to nothing: no value, length zero.</summary>
    public static unsafe bool TrySetEmpty(SafeHandle socket, int level, int option)
    {
        var value = 0;
        return SetOption(socket, level, option, &value, 0) == 0;
    }

    /// <summary>Reads an option of this length; <see langword="false"/> if the kernel has none of that number or length.</summary>
    public static unsafe bool TryGet(SafeHandle socket, int level, int option, Span<byte> value)
    {
        var length = value.Length;
        fixed (byte* p = value)
            return GetOption(socket, level, option, p, &length) == 0 && length == value.Length;
    }

    /// <summary>Sets an option; 0, or the error number.</summary>
    public static unsafe int Set(SafeHandle socket, int level, int option, ReadOnlySpan<byte> value)
    {
        fixed (byte* p = value)
            return SetOption(socket, level, option, p, value.Length) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    /// <summary>The octets that can be read (SIOCINQ, tcp(7)): up to an urgent octet, if there is one.</summary>
    public static int Readable(SafeHandle socket)
    {
        var count = 0;
        return Control(socket, PendingInput, ref count) == 0 ? count : 0;
    }

    /// <summary>Whether poll(2) reports POLLPRI: an urgent octet waits.</summary>
    public static bool HasPriorityData(SafeHandle socket)
    {
        var taken = false;
        try
        {
            socket.DangerousAddRef(ref taken);
            var poll = new PollDescriptor { Descriptor = (int)socket.DangerousGetHandle(), Events = Priority };
            return Poll(ref poll, 1, 0) == 1 && (poll.Returned & Priority) != 0;
        }
        finally
        {
            if (taken)
                socket.DangerousRelease();
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static unsafe partial int GetOption(SafeHandle socket, int level, int option, void* value, int* length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static unsafe partial int SetOption(SafeHandle socket, int level, int option, void* value, int length);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(SafeHandle socket, nuint request, ref int value);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int timeout);
}

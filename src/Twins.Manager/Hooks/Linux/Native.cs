using System.Runtime.InteropServices;

namespace Twins.Manager.Hooks.Linux;

internal static partial class Native
{
    public const int CloneNewNet = 0x40000000;
    public const int SocketLevel = 1;      // SOL_SOCKET
    public const int PassCredentials = 16; // SO_PASSCRED
    public const int ScmCredentials = 2;
    public const int Truncated = 0x20;     // MSG_TRUNC
    public const int CloseOnExec = 0x40000000; // MSG_CMSG_CLOEXEC

    public const int UnixFamily = 1;               // AF_UNIX
    public const int DatagramSocket = 2;           // SOCK_DGRAM
    public const int SocketCloseOnExec = 0x80000;  // SOCK_CLOEXEC
    public const int WriteOnly = 1;                // O_WRONLY
    public const int FileCloseOnExec = 0x80000;    // O_CLOEXEC

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    public static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "open")]
    public static partial int Open(ReadOnlySpan<byte> path, int flags);

    [LibraryImport("libc", EntryPoint = "write")]
    public static partial nint Write(int descriptor, ReadOnlySpan<byte> data, nuint length);

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    public static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetSocketOption(SafeHandle socket, int level, int option, in int value, int length);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    public static partial nint ReceiveMessage(SafeHandle socket, ref MessageHeader message, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int descriptor);
}

using System.Runtime.InteropServices;

namespace Twins.Manager.Hooks;

internal static partial class Native
{
    public const int CloneNewNet = 0x40000000;
    public const int SocketLevel = 1;      // SOL_SOCKET
    public const int PassCredentials = 16; // SO_PASSCRED
    public const int ScmCredentials = 2;
    public const int Truncated = 0x20;     // MSG_TRUNC
    public const int CloseOnExec = 0x40000000; // MSG_CMSG_CLOEXEC

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    public static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetSocketOption(SafeHandle socket, int level, int option, in int value, int length);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    public static partial nint ReceiveMessage(SafeHandle socket, ref MessageHeader message, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int descriptor);
}

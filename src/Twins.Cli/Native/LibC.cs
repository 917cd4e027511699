using System.Runtime.InteropServices;

namespace Twins.Cli.Native;

/// <summary>The few calls of libc that .NET doesn't offer.</summary>
internal static partial class LibC
{
    public const int SigHangUp = 1;
    public const int SigInt = 2;
    public const int SigQuit = 3;
    public const int SigKill = 9;
    public const int SigTerm = 15;
    public const int SigStop = 19;

    private const int StandardOutput = 1;
    private const short PollError = 8;         // POLLERR
    private const uint CloseRangeCloseOnExec = 4;
    private const int CurrentDirectory = -100; // AT_FDCWD
    private const int DontFollow = 0x100;      // AT_SYMLINK_NOFOLLOW
    private const uint OwnerWanted = 8;        // STATX_UID
    private const int StatusBytes = 256;       // struct statx
    private const int OwnerOffset = 20;        // stx_uid

    /// <summary>geteuid(2): 0 is root.</summary>
    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUser();

    /// <summary>kill(2): a negative <paramref name="pid"/> names a process group.</summary>
    /// <returns>0, or -1 with the error number set.</returns>
    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int pid, int signal);

    /// <summary>isatty(3).</summary>
    [LibraryImport("libc", EntryPoint = "isatty")]
    public static partial int IsTerminal(int descriptor);

    /// <summary>Whether standard output is a pipe or socket that nobody reads any more (poll(2), POLLERR): .NET ignores the EPIPE of a write to it.</summary>
    public static unsafe bool IsOutputClosed()
    {
        var polled = new PollDescriptor { Descriptor = StandardOutput };
        return Poll(&polled, 1, 0) > 0 && (polled.Returned & PollError) != 0;
    }

    /// <summary>Whether root owns what is at the path; a symbolic link is asked itself, not what it points at.</summary>
    public static unsafe bool IsOwnedByRoot(string path)
    {
        byte* status = stackalloc byte[StatusBytes];
        return Status(CurrentDirectory, path, DontFollow, OwnerWanted, status) == 0 && *(uint*)(status + OwnerOffset) == 0;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Status(int directory, string path, int flags, uint mask, byte* status);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static unsafe partial int Poll(PollDescriptor* descriptors, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "close_range", SetLastError = true)]
    private static partial int CloseRange(uint first, uint last, uint flags);

    /// <summary>No descriptor above standard error is inherited by programs that are started from now on
    /// (close_range(2) with CLOSE_RANGE_CLOEXEC): one from another mount namespace makes CRIU refuse a dump.</summary>
    public static void KeepDescriptorsPrivate()
    {
        // Kernels before 5.11 don't know the flag; .NET's own descriptors are close-on-exec anyway.
        _ = CloseRange(3, uint.MaxValue, CloseRangeCloseOnExec);
    }

    // struct pollfd
    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}

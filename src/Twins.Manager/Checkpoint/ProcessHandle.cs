using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twins.Manager.Checkpoint;

/// <summary>
/// A reference to one process that stays true when its number is used again (pidfd_open(2)). Root only
/// for other users' processes. Safe for concurrent use.
/// </summary>
public sealed partial class ProcessHandle : IDisposable
{
    // Same numbers on every architecture (the unified part of the system call table).
    private const nint PidfdSendSignal = 424;
    private const nint PidfdOpen = 434;
    private const nint PidfdGetfd = 438;
    private const int NoSuchProcess = 3;
    private const int Interrupted = 4;
    private const int PidfdType = 3;
    private const int WaitExited = 4;
    private const int WaitNoHang = 1;

    private readonly SafeFileHandle _handle;

    private ProcessHandle(int pid, SafeFileHandle handle)
    {
        Pid = pid;
        _handle = handle;
    }

    /// <summary>The process number.</summary>
    public int Pid { get; }

    /// <summary>Opens a process. <see langword="null"/>: there is none of that number. A zombie counts as one.</summary>
    /// <exception cref="Win32Exception">Any other failure.</exception>
    public static ProcessHandle? TryOpen(int pid)
    {
        var descriptor = SystemCall(PidfdOpen, pid, 0, 0, 0);
        if (descriptor >= 0)
            return new ProcessHandle(pid, new SafeFileHandle(descriptor, ownsHandle: true));
        var error = Marshal.GetLastPInvokeError();
        // EINVAL: the number is that of a thread, not of a process.
        return error is NoSuchProcess or 22 ? null : throw Failure("opening process", pid, error);
    }

    /// <summary>Sends a signal; <see langword="false"/> if the process is gone.</summary>
    public bool Signal(int signal)
    {
        if (SystemCall(PidfdSendSignal, _handle.DangerousGetHandle(), signal, 0, 0) == 0)
            return true;
        var error = Marshal.GetLastPInvokeError();
        return error == NoSuchProcess ? false : throw Failure($"sending signal {signal} to process", Pid, error);
    }

    /// <summary>Waits until the process has ended; it may still be a zombie. <see langword="false"/>: the time is over.</summary>
    public bool WaitForExit(TimeSpan timeout)
    {
        var deadline = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        while (true)
        {
            var poll = new PollDescriptor { Descriptor = (int)_handle.DangerousGetHandle(), Events = 1 };
            var left = timeout == Timeout.InfiniteTimeSpan ? -1 : (int)Math.Clamp(deadline - Environment.TickCount64, 0, int.MaxValue);
            var ready = Poll(ref poll, 1, left);
            if (ready > 0)
                return true;
            if (ready == 0)
                return false;
            // EINTR: a signal came in between.
        }
    }

    /// <summary>Takes the exit status of an own child that has ended, so that no zombie stays.</summary>
    /// <returns>The exit code, 128 + signal if a signal ended it; <see langword="null"/> if it runs or is no child of this program.</returns>
    public int? TryReap() => Reap(WaitExited | WaitNoHang);

    /// <summary>
    /// As <see cref="TryReap"/>, but waits for the end; also for that of a tracer, such as a criu that was killed while it had
    /// the process: before that nobody gets the exit status.
    /// </summary>
    public int? Reap() => Reap(WaitExited);

    private unsafe int? Reap(int options)
    {
        Span<int> info = stackalloc int[32];
        fixed (int* p = info)
        {
            while (WaitId(PidfdType, (int)_handle.DangerousGetHandle(), p, options) != 0)
            {
                if (Marshal.GetLastPInvokeError() != Interrupted)
                    return null;
            }
        }

        if (info[0] == 0)
            return null;

        // siginfo_t: si_signo, si_errno, si_code, padding, then si_pid, si_uid, si_status (signal(7), asm-generic/siginfo.h).
        const int exited = 1;
        return info[2] == exited ? info[6] : 128 + info[6];
    }

    /// <summary>A duplicate of one of the process's descriptors (pidfd_getfd(2)); <see langword="null"/> if it has been closed meanwhile.</summary>
    public SafeFileHandle? TryDuplicate(int descriptor)
    {
        var copy = SystemCall(PidfdGetfd, _handle.DangerousGetHandle(), descriptor, 0, 0);
        return copy < 0 ? null : new SafeFileHandle(copy, ownsHandle: true);
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private static Win32Exception Failure(string operation, int pid, int error) =>
        new(error, $"{operation} {pid}: {Marshal.GetPInvokeErrorMessage(error)}");

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint a, nint b, nint c, nint d);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int timeout);

    [LibraryImport("libc", EntryPoint = "waitid", SetLastError = true)]
    private static unsafe partial int WaitId(int type, int id, int* info, int options);
}

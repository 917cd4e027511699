using System.Collections.Frozen;
using System.ComponentModel;
using Microsoft.Win32.SafeHandles;

namespace Twins.Manager.Processes.Windows;

/// <summary>What Windows says of processes and of their sockets. Thread safe.</summary>
internal static partial class WindowsProcesses
{
    private const int LongestPath = short.MaxValue;

    /// <summary>
    /// Reads who has this PID now; null when nobody has, when it has ended (its number stays taken while anybody has a handle of
    /// it), or when twinsd may not look at it, which LocalSystem and administrators may.
    /// </summary>
    /// <returns>
    /// <see cref="ProcessIdentity.StartTimeTicks"/> is the time of its creation as GetProcessTimes has it, in units of 100 ns since 1601;
    /// <see cref="ProcessIdentity.Executable"/> a path of the form <c>C:\...</c>, and <see cref="ProcessIdentity.CommandName"/> its last
    /// part without <c>.exe</c>.
    /// </returns>
    public static ProcessIdentity? TryRead(int pid)
    {
        using var process = TryOpen(pid);
        if (process is null || !Native.GetProcessTimes(process, out var start, out _, out _, out _))
            return null;
        var executable = ExecutableOf(process);
        return new ProcessIdentity(pid, start, executable, Path.GetFileNameWithoutExtension(executable));
    }

    /// <summary>Whether this very process is still there.</summary>
    public static bool IsAlive(ProcessIdentity identity) => StartOf(identity.Pid) == identity.StartTimeTicks;

    /// <summary>The process that started another; 0 when either has ended or can't be looked at.</summary>
    /// <exception cref="Win32Exception">The system doesn't list its processes.</exception>
    public static int ParentOf(int pid) => ProcessSnapshot.Take(StartOf).ParentOf(pid);

    /// <summary>
    /// The numbers of a process and of all that descend from it, a parent always before its children; none when the process is not
    /// there. What a process that has ended had started is not among them.
    /// </summary>
    /// <exception cref="Win32Exception">The system doesn't list its processes.</exception>
    public static IReadOnlyList<int> ReadTree(int pid) => ProcessSnapshot.Take(StartOf).TreeOf(pid);

    /// <summary>The numbers of these processes and of all that descend from them.</summary>
    /// <exception cref="Win32Exception">The system doesn't list its processes.</exception>
    public static IReadOnlySet<int> ReadTrees(IReadOnlyCollection<int> pids)
    {
        if (pids.Count == 0)
            return FrozenSet<int>.Empty;
        var snapshot = ProcessSnapshot.Take(StartOf);
        return pids.SelectMany(snapshot.TreeOf).ToFrozenSet();
    }

    private static ulong? StartOf(int pid)
    {
        using var process = TryOpen(pid);
        return process is not null && Native.GetProcessTimes(process, out var start, out _, out _, out _) ? start : null;
    }

    /// <summary>A handle of a process that runs.</summary>
    private static SafeProcessHandle? TryOpen(int pid)
    {
        var process = Native.OpenProcess(Native.ProcessQueryLimitedInformation | Native.Synchronize, inherit: false, pid);
        // Numbers are multiples of four, and OpenProcess takes those in between as well.
        if (!process.IsInvalid && Native.GetProcessId(process) == pid && Native.WaitForSingleObject(process, 0) == Native.WaitTimeout)
            return process;
        process.Dispose();
        return null;
    }

    private static unsafe string ExecutableOf(SafeProcessHandle process)
    {
        Span<char> name = new char[LongestPath];
        var characters = (uint)name.Length;
        fixed (char* first = name)
            return Native.QueryFullProcessImageName(process, 0, first, ref characters) ? name[..(int)characters].ToString() : "";
    }
}

using Twins.Manager.Processes.Windows;

namespace Twins.Manager.Processes;

/// <summary>Which process is meant, also after its number was given to another one.</summary>
/// <param name="Pid">Its number in this node's PID namespace.</param>
/// <param name="StartTimeTicks">When it started, in clock ticks since boot (proc(5), stat, field 22); on Windows in units of 100 ns since 1601. With the PID it is unique on a node.</param>
/// <param name="Executable">Path of the program; empty for a zombie. A replaced file's name ends in <c> (deleted)</c>.</param>
/// <param name="CommandName">The kernel's name of it, at most 15 characters.</param>
public sealed record ProcessIdentity(int Pid, ulong StartTimeTicks, string Executable, string CommandName)
{
    /// <summary>Reads who has this PID now; null when nobody has.</summary>
    public static ProcessIdentity? TryRead(int pid)
    {
        if (OperatingSystem.IsWindows())
            return WindowsProcesses.TryRead(pid);
        if (!ProcessStat.TryRead(pid, out var stat))
            return null;
        var executable = ProcFile.ReadLink(FormattableString.Invariant($"/proc/{pid}/exe")) ?? "";
        return new ProcessIdentity(pid, stat.StartTimeTicks, executable, stat.CommandName);
    }

    /// <summary>Whether this very process is still there and is no zombie.</summary>
    public bool IsAlive() => OperatingSystem.IsWindows()
        ? WindowsProcesses.IsAlive(this)
        : ProcessStat.TryRead(Pid, out var stat) && stat.StartTimeTicks == StartTimeTicks && stat.State is not ('Z' or 'X');
}

using Twins.Manager.Pool;
using Twins.Manager.Processes;

namespace Twins.Manager.Checkpoint;

/// <summary>CRIU whose twinsd has died. It notices, kills what it had restored and not resumed, and ends.</summary>
internal static class CriuOrphans
{
    private const int Init = 1;

    /// <summary>
    /// Those that are there now. CRIU of a lab on this machine has another mount namespace and isn't ours. As PID 1, in a container,
    /// twinsd itself has all that has no other parent, and none survives it.
    /// </summary>
    public static IReadOnlyList<int> Find() => Environment.ProcessId == Init
        ? []
        : [.. UnixTwinWorkers.Pids().Where(pid => ProcessStat.TryRead(pid, out var stat) && stat.ParentPid == Init && IsWorker(pid))];

    private static bool IsWorker(int pid)
    {
        var folder = FormattableString.Invariant($"/proc/{pid}");
        // At work it shows another title: "dump --rpc -t PID -D DIRECTORY".
        return ProcFile.TryReadText(folder + "/cmdline", out var text)
            && (text.TrimEnd('\0').Split('\0') is [.., "swrk", "3"] || text.Contains("dump --rpc", StringComparison.Ordinal) || text.Contains("restore --rpc", StringComparison.Ordinal))
            && UnixTwinWorkers.SharesWithUs(folder, "mnt");
    }
}

using System.Globalization;
using Twins.Manager.Processes.Windows;

namespace Twins.Manager.Processes;

/// <summary>A process and all that descend from it: what a checkpoint of it takes along.</summary>
public sealed class ProcessTree
{
    private const int MostAttempts = 10;

    private ProcessTree(IReadOnlyList<ProcessNode> processes) => Processes = processes;

    /// <summary>All of them, a parent always before its children; the root is the first.</summary>
    public IReadOnlyList<ProcessNode> Processes { get; }

    /// <summary>Their numbers, in the same order.</summary>
    public IReadOnlyList<int> Pids => [.. Processes.Select(process => process.Pid)];

    /// <summary>The root.</summary>
    public ProcessNode Root => Processes[0];

    /// <summary>
    /// Reads the tree below a process; null when the process is not there. Processes that start or end
    /// meanwhile are met by reading again until two readings agree; a tree that never rests (it forks
    /// all the time) is given as last seen, and the checkpoint, which freezes it, has the last word.
    /// </summary>
    public static ProcessTree? TryRead(int rootPid)
    {
        List<ProcessNode>? previous = null;
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var current = ReadOnce(rootPid);
            if (current.Count == 0)
                return null;
            if (previous is not null && previous.Select(node => node.Identity).SequenceEqual(current.Select(node => node.Identity)))
                return new ProcessTree(current);
            previous = current;
        }

        return new ProcessTree(previous!);
    }

    /// <summary>The numbers of a tree's processes, a parent always before its children; none when the root is not there.</summary>
    public static IReadOnlyList<int> ReadPids(int rootPid) => TryRead(rootPid)?.Pids ?? [];

    /// <summary>
    /// Whether one of the processes has ended since, or is about to. Asked after something was read of them, such as
    /// their sockets: what they had open may have been gone in part by then. A zombie had nothing open before either.
    /// </summary>
    public bool IsEnding() => OperatingSystem.IsWindows() ? Processes.Any(process => !process.Identity.IsAlive()) : Processes.Any(process => process.State != 'Z'
        && (!ProcessStat.TryRead(process.Pid, out var stat) || stat.StartTimeTicks != process.Identity.StartTimeTicks || stat.IsEnding));

    private static List<ProcessNode> ReadOnce(int rootPid) => OperatingSystem.IsWindows()
        ? [.. WindowsProcesses.ReadTree(rootPid).Select(ProcessIdentity.TryRead).OfType<ProcessIdentity>().Select(identity => new ProcessNode(identity, 0, [], 'R'))]
        : ReadOnceOfLinux(rootPid);

    private static List<ProcessNode> ReadOnceOfLinux(int rootPid)
    {
        var found = new List<ProcessNode>();
        var waiting = new Queue<int>([rootPid]);
        var seen = new HashSet<int>();
        while (waiting.TryDequeue(out var pid))
        {
            if (!seen.Add(pid) || ProcessIdentity.TryRead(pid) is not { } identity || !ProcessStat.TryRead(pid, out var stat))
                continue;
            var threads = ProcFile.ReadNumbers(FormattableString.Invariant($"/proc/{pid}/task"));
            found.Add(new ProcessNode(identity, stat.ParentPid, threads, stat.State));
            // Each thread has children of its own.
            foreach (var thread in threads)
            {
                if (!ProcFile.TryReadText(FormattableString.Invariant($"/proc/{pid}/task/{thread}/children"), out var children))
                    continue;
                foreach (var child in children.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    waiting.Enqueue(int.Parse(child, CultureInfo.InvariantCulture));
            }
        }

        return found;
    }
}

namespace Twins.Manager.Checkpoint;

/// <summary>
/// Keeps a process tree stopped (SIGSTOP) while nobody may decide for it. Put around the commit window:
/// a process frozen by the migrator would run on the moment the migrator dies; with the stop pending it
/// stops before its first instruction. The stop is the kernel's, so it outlives this program too; a new
/// guard on the same processes takes over. Safe for concurrent use, but decide once.
/// </summary>
public sealed class FreezeGuard : IDisposable
{
    private const int Kill = 9;
    private const int Continue = 18;
    private const int Stop = 19;
    private readonly List<ProcessHandle> _processes = [];

    private FreezeGuard()
    {
    }

    /// <summary>The processes that were there when the guard was set.</summary>
    public IReadOnlyList<int> Pids => [.. _processes.Select(p => p.Pid)];

    /// <summary>Stops the processes; those that are stopped or frozen already stay so.</summary>
    public static FreezeGuard Set(IEnumerable<int> pids)
    {
        var guard = new FreezeGuard();
        foreach (var pid in pids)
        {
            if (ProcessHandle.TryOpen(pid) is not { } process)
                continue;
            guard._processes.Add(process);
            process.Signal(Stop);
        }

        return guard;
    }

    /// <summary>The process goes on here: connections that a dead migrator left in repair mode are repaired, then it runs.</summary>
    public void RunHere()
    {
        SocketRepair.TurnOff(Pids);
        foreach (var process in _processes)
            process.Signal(Continue);
    }

    /// <summary>The process is gone from here: its connections are silenced, then it is killed. No peer hears of it.</summary>
    /// <exception cref="TimeoutException">A process did not end within ten seconds.</exception>
    public void Destroy()
    {
        SocketRepair.TurnOn(Pids);
        foreach (var process in _processes)
            process.Signal(Kill);
        foreach (var process in _processes)
        {
            if (!process.WaitForExit(TimeSpan.FromSeconds(10)))
                throw new TimeoutException($"Process {process.Pid} did not end within 10 s of SIGKILL. It waits in the kernel, see /proc/{process.Pid}/wchan.");
            process.TryReap();
        }
    }

    /// <summary>Forgets the processes; they stay as they are, stopped if nothing was decided.</summary>
    public void Dispose()
    {
        foreach (var process in _processes)
            process.Dispose();
    }
}

namespace Twins.Manager.Checkpoint;

/// <summary>
/// Tells when a process ends and takes its exit status if it is a child of this program, so that its
/// number becomes free. One small thread per watch: it must reap even while the thread pool is busy,
/// because the number is needed when the process comes back.
/// </summary>
public sealed class ProcessWatch
{
    private readonly TaskCompletionSource<int?> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ProcessWatch(int pid) => Pid = pid;

    /// <summary>The process number.</summary>
    public int Pid { get; }

    /// <summary>The exit code (128 + signal if a signal ended it), or <see langword="null"/> if another program is its parent and got it.</summary>
    public Task<int?> Exited => _exited.Task;

    /// <summary>Begins to watch. A process that doesn't exist has exited already.</summary>
    /// <param name="pid">The process number.</param>
    /// <param name="onEnd">Called when it has ended, before its number becomes free; not for one that doesn't exist. Must not throw.</param>
    public static ProcessWatch Start(int pid, Action? onEnd = null)
    {
        var watch = new ProcessWatch(pid);
        var handle = ProcessHandle.TryOpen(pid);
        if (handle is null)
        {
            watch._exited.SetResult(null);
            return watch;
        }

        new Thread(() =>
        {
            using (handle)
            {
                handle.WaitForExit(Timeout.InfiniteTimeSpan);
                onEnd?.Invoke();
                watch._exited.TrySetResult(handle.Reap());
            }
        }, 128 * 1024)
        { Name = $"watch {pid}", IsBackground = true }.Start();
        return watch;
    }
}

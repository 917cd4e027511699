using Twins.Protocol.Criu;

namespace Twins.Manager.Checkpoint;

/// <summary>A restore that waits in CRIU's post-restore notification.</summary>
internal sealed class CriuPendingRestore : IPendingRestore
{
    private const int KillSignal = 9;
    private readonly CriuWorker _worker;
    private readonly string _logPath;
    private readonly List<ProcessHandle> _processes;
    private bool _decided;

    public CriuPendingRestore(CriuWorker worker, IReadOnlyList<int> pids, string logPath)
    {
        _worker = worker;
        _logPath = logPath;
        Pids = pids;
        _processes = [.. pids.Select(ProcessHandle.TryOpen).OfType<ProcessHandle>()];
    }

    public IReadOnlyList<int> Pids { get; }

    public int Pid => Pids[0];

    public async Task<ProcessWatch> ResumeAsync(CancellationToken cancellationToken)
    {
        if (_decided)
            throw new InvalidOperationException("It has been decided what happens to the restored process.");
        cancellationToken.ThrowIfCancellationRequested();
        _decided = true;
        // From here on it may be sending: no cancelling half way.
        var final = await AcknowledgeAsync(CancellationToken.None).ConfigureAwait(false);
        if (final is { Success: true })
            return ProcessWatch.Start(Pid);
        _worker.Kill();
        _decided = false;
        if (final is null)
            throw new CheckpointException("restore", CheckpointCode.CriuDied, "CRIU ended when it was to let the restored process run; what it had restored is destroyed. Look for an out-of-memory kill in the kernel's log (dmesg), then try again.", _logPath);
        var (code, message) = CriuLog.Explain(_logPath, final.CrErrmsg);
        throw new CheckpointException("restore", code, message, _logPath);
    }

    public async Task AbandonAsync(CancellationToken cancellationToken)
    {
        if (_decided)
            return;
        _decided = true;
        // Killed by us and not by refusing the notification: the sockets are still in repair mode, and
        // with criu first out of the way nothing can take them out of it.
        // While criu traces the processes only it could take their exit status.
        await Task.Run(() =>
        {
            _worker.Kill();
            KillAll();
        }, CancellationToken.None).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await AbandonAsync(CancellationToken.None).ConfigureAwait(false);
        await _worker.DisposeAsync().ConfigureAwait(false);
        _processes.ForEach(process => process.Dispose());
    }

    private async Task<CriuResponse?> AcknowledgeAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _worker.SendAsync(CriuCheckpointer.Acknowledge(true), cancellationToken).ConfigureAwait(false);
            while (await _worker.ReceiveAsync(cancellationToken).ConfigureAwait(false) is { } message)
            {
                if (message.Type != CriuRequestType.Notify)
                    return message;
                await _worker.SendAsync(CriuCheckpointer.Acknowledge(true), cancellationToken).ConfigureAwait(false);
            }
        }
        catch (System.Net.Sockets.SocketException)
        {
            // criu is gone.
        }

        return null;
    }

    private void KillAll()
    {
        SocketRepair.TurnOn(Pids);
        foreach (var process in _processes)
            process.Signal(KillSignal);
        // Children first: an orphan's zombie is taken by init, the root's by us.
        for (var i = _processes.Count - 1; i >= 0; i--)
        {
            _processes[i].WaitForExit(TimeSpan.FromSeconds(10));
            _processes[i].TryReap();
        }
    }
}

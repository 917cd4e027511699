using Twins.Protocol.Criu;

namespace Twins.Manager.Checkpoint;

/// <summary>A dump that waits in CRIU's post-dump notification.</summary>
internal sealed class CriuFrozenProcess : IFrozenProcess
{
    private readonly CriuWorker _worker;
    private readonly string _logPath;
    private readonly TaskCompletionSource _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _decided;

    public CriuFrozenProcess(CriuWorker worker, IReadOnlyList<int> pids, long frozenSince, string logPath)
    {
        _worker = worker;
        _logPath = logPath;
        Pids = pids;
        FrozenSince = frozenSince;
        _ = WatchAsync();
    }

    public IReadOnlyList<int> Pids { get; }

    public long FrozenSince { get; }

    public Task Lost => _lost.Task;

    public async Task CompleteAsync(CancellationToken cancellationToken)
    {
        var handles = Pids.Select(ProcessHandle.TryOpen).OfType<ProcessHandle>().ToList();
        try
        {
            var final = await DecideAsync(true, cancellationToken).ConfigureAwait(false);
            if (final is not { Success: true })
                throw Failure(final, "release", "The original was not destroyed; if it still exists it has to be: it would speak beside the moved one.");
            await Task.Run(() => Gone(handles), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            handles.ForEach(handle => handle.Dispose());
        }
    }

    public async Task RefuseAsync(CancellationToken cancellationToken)
    {
        var final = await DecideAsync(false, cancellationToken).ConfigureAwait(false);
        // criu reports the refused notification as a failed dump; only its death is one.
        if (final is not null)
            return;
        SocketRepair.TurnOff(Pids);
        throw Failure(null, "checkpoint", "The process's connections were repaired and it runs on.");
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (!_decided)
                await RefuseAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (CheckpointException)
        {
            // criu died: what can be done has been done, and Lost has told.
        }

        await _worker.DisposeAsync().ConfigureAwait(false);
    }

    private static void Gone(List<ProcessHandle> handles)
    {
        foreach (var handle in handles)
        {
            if (!handle.WaitForExit(TimeSpan.FromSeconds(10)))
                throw new CheckpointException("release", CheckpointCode.CriuFailed, $"Process {handle.Pid} did not end within 10 s after it was killed.");
            // If an earlier restore made it our child, its number has to become free.
            handle.TryReap();
        }
    }

    private async Task<CriuResponse?> DecideAsync(bool success, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_decided, this);
        _decided = true;
        try
        {
            await _worker.SendAsync(CriuCheckpointer.Acknowledge(success), cancellationToken).ConfigureAwait(false);
        }
        catch (System.Net.Sockets.SocketException)
        {
            return null;
        }

        while (await _worker.ReceiveAsync(cancellationToken).ConfigureAwait(false) is { } message)
        {
            if (message.Type != CriuRequestType.Notify)
                return message;
            await _worker.SendAsync(CriuCheckpointer.Acknowledge(true), cancellationToken).ConfigureAwait(false);
        }

        return null;
    }

    private CheckpointException Failure(CriuResponse? response, string phase, string consequence)
    {
        if (response is null)
            return new CheckpointException(phase, CheckpointCode.CriuDied, $"criu ended before it was told what to do with the frozen process. {consequence}", _logPath);
        var (code, message) = CriuLog.Explain(_logPath, response.CrErrmsg);
        return new CheckpointException(phase, code, $"{message} {consequence}", _logPath);
    }

    private async Task WatchAsync()
    {
        await _worker.WatchAsync().ConfigureAwait(false);
        if (!_decided)
            _lost.TrySetResult();
    }
}

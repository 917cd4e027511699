using System.Net.Sockets;
using Twins.Protocol.Criu;

namespace Twins.Manager.Checkpoint;

/// <summary>
/// A dump that waits in CRIU's post-dump notification. A <see cref="FreezeGuard"/> is set at once: a
/// process that runs while its sockets are in repair mode gets EPERM from recv(2), so it must not run for
/// a moment if criu dies. With the guard either decision can be carried out without criu as well.
/// </summary>
internal sealed class CriuFrozenProcess : IFrozenProcess
{
    private readonly CriuWorker _worker;
    private readonly TaskCompletionSource _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly FreezeGuard _guard;
    private bool _decided;

    public CriuFrozenProcess(CriuWorker worker, IReadOnlyList<int> pids, long frozenSince)
    {
        _worker = worker;
        Pids = pids;
        FrozenSince = frozenSince;
        _guard = FreezeGuard.Set(pids);
        _ = WatchAsync();
    }

    public IReadOnlyList<int> Pids { get; }

    public long FrozenSince { get; }

    public Task Lost => _lost.Task;

    public async Task CompleteAsync(CancellationToken cancellationToken)
    {
        await DecideAsync(true, cancellationToken).ConfigureAwait(false);
        // criu has killed the processes; here they are waited for, reaped if an earlier restore made them
        // our children, and killed if criu died before it did.
        await Task.Run(_guard.Destroy, CancellationToken.None).ConfigureAwait(false);
    }

    public async Task RefuseAsync(CancellationToken cancellationToken)
    {
        await DecideAsync(false, cancellationToken).ConfigureAwait(false);
        _guard.RunHere();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_decided)
            await RefuseAsync(CancellationToken.None).ConfigureAwait(false);
        await _worker.DisposeAsync().ConfigureAwait(false);
        _guard.Dispose();
    }

    /// <summary>Tells criu and waits for its last word, or for its end.</summary>
    private async Task DecideAsync(bool success, CancellationToken cancellationToken)
    {
        if (_decided)
            throw new InvalidOperationException("It has been decided what happens to the frozen process.");
        cancellationToken.ThrowIfCancellationRequested();
        _decided = true;
        try
        {
            await _worker.SendAsync(CriuCheckpointer.Acknowledge(success), CancellationToken.None).ConfigureAwait(false);
            while (await _worker.ReceiveAsync(CancellationToken.None).ConfigureAwait(false) is { Type: CriuRequestType.Notify })
                await _worker.SendAsync(CriuCheckpointer.Acknowledge(true), CancellationToken.None).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            // criu has ended: the guard carries the decision out.
        }
    }

    private async Task WatchAsync()
    {
        await _worker.WatchAsync().ConfigureAwait(false);
        if (!_decided)
            _lost.TrySetResult();
    }
}

namespace Twins.Manager.Checkpoint;

/// <summary>
/// A process that is dumped and frozen, its images complete, its TCP sockets silent. Exactly one
/// decision is taken; disposing without one refuses. Not safe for concurrent use.
/// </summary>
public interface IFrozenProcess : IAsyncDisposable
{
    /// <summary>The processes of the tree, root first. Threads are left out.</summary>
    IReadOnlyList<int> Pids { get; }

    /// <summary>When the freezing began, as <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/>: an upper bound of the silence.</summary>
    long FrozenSince { get; }

    /// <summary>Completes when the migrator ends without having been told: the process has then to be looked after, see <see cref="FreezeGuard"/> and <see cref="SocketRepair"/>.</summary>
    Task Lost { get; }

    /// <summary>Destroys the original, without a packet to any peer. Returns when all its processes are dead.</summary>
    /// <exception cref="CheckpointException">The migrator died (<c>criu-died</c>): ask <see cref="Lost"/> what is left.</exception>
    Task CompleteAsync(CancellationToken cancellationToken);

    /// <summary>Lets the original run on in place, sockets and all.</summary>
    /// <exception cref="CheckpointException">The migrator died first; the sockets were repaired and the process runs if no <see cref="FreezeGuard"/> stops it.</exception>
    Task RefuseAsync(CancellationToken cancellationToken);
}

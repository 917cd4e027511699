namespace Twins.Manager.Checkpoint;

/// <summary>
/// A process that is dumped and frozen, its images complete, its TCP sockets silent. Exactly one
/// decision is taken; disposing without one refuses. If this program dies undecided, the processes stay
/// stopped (SIGSTOP): a new run decides with <see cref="FreezeGuard"/>. Not safe for concurrent use.
/// </summary>
public interface IFrozenProcess : IAsyncDisposable
{
    /// <summary>The processes of the tree, root first. Threads are left out.</summary>
    IReadOnlyList<int> Pids { get; }

    /// <summary>When the freezing began, as <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/>: an upper bound of the silence.</summary>
    long FrozenSince { get; }

    /// <summary>Completes when the migrator ends before a decision. The process stays stopped and both decisions remain possible.</summary>
    Task Lost { get; }

    /// <summary>Destroys the original, without a packet to any peer. Returns when all its processes are dead. Can't be cancelled once begun.</summary>
    /// <exception cref="TimeoutException">A process did not end within ten seconds of SIGKILL.</exception>
    /// <exception cref="InvalidOperationException">It has been decided already.</exception>
    Task CompleteAsync(CancellationToken cancellationToken);

    /// <summary>Lets the original run on in place, sockets and all. Can't be cancelled once begun.</summary>
    /// <exception cref="InvalidOperationException">It has been decided already.</exception>
    Task RefuseAsync(CancellationToken cancellationToken);
}

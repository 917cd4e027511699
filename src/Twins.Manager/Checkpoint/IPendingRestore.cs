namespace Twins.Manager.Checkpoint;

/// <summary>
/// A restored process that does not run yet: sockets and memory are there, nothing has been sent.
/// Exactly one decision is taken; disposing without one abandons. Not safe for concurrent use.
/// </summary>
public interface IPendingRestore : IAsyncDisposable
{
    /// <summary>The processes, root first.</summary>
    IReadOnlyList<int> Pids { get; }

    /// <summary>The root. It becomes a child of this program.</summary>
    int Pid { get; }

    /// <summary>Lets it run; from here on its sockets send. Returns when it runs.</summary>
    /// <returns>Watches the root and takes its exit status, so that no zombie stays.</returns>
    /// <exception cref="CheckpointException">It could not be resumed. What is left of it is to be abandoned.</exception>
    Task<ProcessWatch> ResumeAsync(CancellationToken cancellationToken);

    /// <summary>Destroys what was restored; nothing is sent.</summary>
    Task AbandonAsync(CancellationToken cancellationToken);
}

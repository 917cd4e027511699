namespace Twins.Manager.Checkpoint;

/// <summary>
/// A migrator: turns a running process into files and back, in two phases each, so that the
/// Migration Manager can decide in between. Implementations are safe for concurrent use.
/// </summary>
public interface ICheckpointer
{
    /// <summary>Starts what can be started ahead of the next dump or restore in that network namespace. A hint: never fails.</summary>
    /// <param name="networkNamespacePath">A namespace's mount point; <see langword="null"/> for this program's own.</param>
    void Prepare(string? networkNamespacePath);

    /// <summary>Gives up what was started ahead in a network namespace for a dump or a restore that doesn't come.</summary>
    void Discard(string? networkNamespacePath);

    /// <summary>Freezes a process with all its descendants and writes it to <paramref name="imagesDirectory"/>.</summary>
    /// <param name="pid">The root of the tree.</param>
    /// <param name="imagesDirectory">An existing, empty directory, absolute.</param>
    /// <param name="networkNamespacePath">The namespace that the process lives in; <see langword="null"/> for this program's own.</param>
    /// <param name="onFrozen">Called once, when the process no longer runs: before its memory is written.</param>
    /// <param name="cancellationToken">Cancelling lets the process run on.</param>
    /// <returns>The frozen process, with complete images.</returns>
    /// <exception cref="CheckpointException">It could not be dumped; it runs on.</exception>
    Task<IFrozenProcess> BeginDumpAsync(int pid, string imagesDirectory, string? networkNamespacePath, Action onFrozen, CancellationToken cancellationToken);

    /// <summary>Builds the process from images up to the point where its sockets exist but send nothing.</summary>
    /// <param name="imagesDirectory">What a dump wrote.</param>
    /// <param name="networkNamespacePath">Where the process is to live; its addresses must be there.</param>
    /// <param name="cancellationToken">Cancelling abandons the restore.</param>
    /// <exception cref="CheckpointException">It could not be restored; nothing of it is left and nothing was sent.</exception>
    Task<IPendingRestore> BeginRestoreAsync(string imagesDirectory, string? networkNamespacePath, CancellationToken cancellationToken);
}

namespace Twins.Table;

/// <summary>Outcome of a write, with what the table holds.</summary>
/// <param name="Outcome">What it came to.</param>
/// <param name="Record">The process's record after the call; null if there is none.</param>
/// <param name="Epoch">Highest epoch ever seen of the process, also after it was deleted; 0 if never seen.</param>
/// <param name="Migration">The migration's row after the call, where one was written or stands in the way.</param>
public readonly record struct TableResult(
    TableOutcome Outcome, ProcessRecord? Record = null, ulong Epoch = 0, MigrationRow? Migration = null)
{
    /// <summary>The write was done.</summary>
    public bool IsDone => Outcome == TableOutcome.Done;
}

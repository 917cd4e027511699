using System.Collections.Immutable;

namespace Twins.Table;

/// <summary>What changed in the table since a watcher's last answer, each process at most once with its newest record.</summary>
/// <param name="IsSnapshot">
/// <see cref="Records"/> is the whole table: the first answer, and any later one when the watcher fell far behind.
/// </param>
/// <param name="Records">New and changed records. A changed set of flows counts as a change of its record.</param>
/// <param name="Removed">Identifiers of processes that are gone.</param>
public sealed record TableChanges(bool IsSnapshot, ImmutableArray<ProcessRecord> Records, ImmutableArray<string> Removed);

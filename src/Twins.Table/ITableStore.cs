using System.Collections.Immutable;

namespace Twins.Table;

/// <summary>
/// The Table of Twins of one node. Thread safe. Every write is one transaction: after a crash at any moment all
/// of it is there or nothing. Writes of records and migrations are on disk when the call returns; writes of flows
/// survive the death of the program, and a power failure may take the last of them.
/// All operations throw <see cref="TableException"/> when the store fails.
/// </summary>
public interface ITableStore : IDisposable
{
    /// <summary>The record of a process; null if there is none.</summary>
    ProcessRecord? Find(string processId);

    /// <summary>The record with this name, or else with this PID when the text is a number; null if there is none.
    /// Of several records with one PID, one that has not exited is preferred, then the newest.</summary>
    ProcessRecord? FindByNameOrPid(string nameOrPid);

    /// <summary>The record with this PID; null if there is none. Preference as above.</summary>
    ProcessRecord? FindByPid(int pid);

    /// <summary>All records, by name.</summary>
    ImmutableArray<ProcessRecord> List();

    /// <summary>The name, or the name with -2, -3, ... when another process has it.</summary>
    string FreeName(string wanted);

    /// <summary>Highest epoch ever seen of a process, also after its record was deleted; 0 if never seen.</summary>
    ulong FindEpoch(string processId);

    /// <summary>
    /// Inserts a process. Refused: <see cref="TableOutcome.Exists"/>, <see cref="TableOutcome.NameTaken"/>,
    /// <see cref="TableOutcome.StaleEpoch"/> when a higher epoch of the process was seen here before.
    /// </summary>
    TableResult TryAdd(ProcessRecord record);

    /// <summary>
    /// Inserts a process or replaces its record, unless a higher epoch than the record's was seen here
    /// (<see cref="TableOutcome.StaleEpoch"/>) or another process has the name. For records that come from another node.
    /// </summary>
    TableResult TryPut(ProcessRecord record);

    /// <summary>
    /// Reads a record, lets <paramref name="change"/> make the new one and stores it, with nobody in between, if the table's
    /// epoch is the expected one. The new record's epoch may be higher, never lower. <paramref name="change"/> must be quick
    /// and must not call the store.
    /// </summary>
    /// <param name="processId">Whose record.</param>
    /// <param name="expectedEpoch">Another one in the table: nothing is changed.</param>
    /// <param name="change">Makes the new record of the one that is there.</param>
    /// <param name="durable">Otherwise a power failure may take it: for what ends with the machine as well.</param>
    /// <returns>Done, NotFound, StaleEpoch, NameTaken.</returns>
    TableResult TryChange(string processId, ulong expectedEpoch, Func<ProcessRecord, ProcessRecord> change, bool durable = true);

    /// <summary>Changes a record as above and, in the same transaction, replaces all of the process's connections.</summary>
    /// <returns>As above.</returns>
    TableResult TryChange(
        string processId, ulong expectedEpoch, Func<ProcessRecord, ProcessRecord> change, IReadOnlyCollection<FlowRecord> flows, bool durable);

    /// <summary>Deletes a process with its flows if the table's epoch is the expected one. Its migrations stay, as history, and so does its epoch, as a fence.</summary>
    /// <returns>Done, NotFound, StaleEpoch.</returns>
    TableResult TryDelete(string processId, ulong expectedEpoch);

    /// <summary>A process's connections, in no particular order.</summary>
    ImmutableArray<FlowRecord> ListFlows(string processId);

    /// <summary>Replaces all of a process's connections. A connection given twice counts once, the later one.</summary>
    /// <returns>Done, NotFound, StaleEpoch.</returns>
    TableResult TryReplaceFlows(string processId, ulong expectedEpoch, IReadOnlyCollection<FlowRecord> flows);

    /// <summary>Adds connections, or replaces those with the same five-tuple.</summary>
    /// <returns>Done, NotFound, StaleEpoch.</returns>
    TableResult TryAddFlows(string processId, ulong expectedEpoch, params IReadOnlyCollection<FlowRecord> flows);

    /// <summary>Removes the connections with the five-tuples of <paramref name="flows"/>; one that isn't there is no error.</summary>
    /// <returns>Done, NotFound, StaleEpoch.</returns>
    TableResult TryRemoveFlows(string processId, ulong expectedEpoch, params IReadOnlyCollection<FlowRecord> flows);

    /// <summary>A migration as this node took part in it; null if it didn't in that role.</summary>
    MigrationRow? FindMigration(string migrationId, MigrationRole role);

    /// <summary>
    /// Stores a migration's row. A row with a final outcome keeps it: a call that brings another outcome is refused
    /// with <see cref="TableOutcome.AlreadyDecided"/> and the row that stands.
    /// </summary>
    TableResult TryPutMigration(MigrationRow row);

    /// <summary>Migrations of a process, or of all when null, newest first, at most <paramref name="limit"/>.</summary>
    ImmutableArray<MigrationRow> ListMigrations(string? processId = null, int limit = 100);

    /// <summary>Migrations without a final outcome: what a manager takes up when it starts.</summary>
    ImmutableArray<MigrationRow> ListUndecidedMigrations();

    /// <summary>What processes left behind, by ID.</summary>
    ImmutableArray<LeftBehindRecord> ListLeftBehind();

    /// <summary>Stores what a process left behind in place of an earlier record of that ID and role; one without connections is removed.</summary>
    void PutLeftBehind(LeftBehindRecord record);

    /// <summary>Nothing of that ID is left any more; one that isn't there is no error.</summary>
    void RemoveLeftBehind(string id, NodeRole role);

    /// <summary>
    /// The table now, then its changes until cancelled or the store is disposed. Changes are coalesced: a slow reader
    /// gets fewer answers with newer records, never an unbounded backlog and never a missed last state.
    /// </summary>
    IAsyncEnumerable<TableChanges> WatchAsync(CancellationToken cancellationToken = default);
}

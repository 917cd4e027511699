using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace Twins.Table.Sqlite;

/// <summary>The Table of Twins in one SQLite file with a write-ahead log. One instance per file, shared by all threads.</summary>
public sealed class SqliteTableStore : ITableStore
{
    /// <summary>How long migrations are kept of processes that are gone: far longer than any node asks for their outcome.</summary>
    public static readonly TimeSpan HistoryOfTheGone = TimeSpan.FromDays(90);

    private readonly TimeProvider _time;
    private readonly TableConnection _table;
    private readonly ProcessRows _processes;
    private readonly FlowRows _flows;
    private readonly MigrationRows _migrations;
    private readonly LeftBehindRows _leftBehind;
    private ImmutableArray<TableWatcher> _watchers = [];

    private SqliteTableStore(TableConnection table, TimeProvider time)
    {
        _time = time;
        _table = table;
        _processes = new ProcessRows(table.Statements);
        _flows = new FlowRows(table.Statements);
        _migrations = new MigrationRows(table.Statements);
        _leftBehind = new LeftBehindRows(table.Statements);
    }

    /// <summary>Opens the table, makes it (mode 0600, with its directory) if it isn't there, and checks it.</summary>
    /// <param name="path">Absolute path of the file, such as <c>/var/lib/twins/table.db</c>.</param>
    /// <param name="time">Source of the records' timestamps; null: the system's.</param>
    /// <exception cref="TableException">Missing rights, damaged file, schema of a newer version.</exception>
    public static SqliteTableStore Open(string path, TimeProvider? time = null) =>
        new(new TableConnection(Path.GetFullPath(path)), time ?? TimeProvider.System);

    /// <inheritdoc/>
    public ProcessRecord? Find(string processId) => _table.Read(() => _processes.Find(processId));

    /// <inheritdoc/>
    public ProcessRecord? FindByNameOrPid(string nameOrPid) => _table.Read(() =>
        _processes.FindByName(nameOrPid) ?? (int.TryParse(nameOrPid, out var pid) ? _processes.FindByPid(pid) : null));

    /// <inheritdoc/>
    public ProcessRecord? FindByPid(int pid) => _table.Read(() => _processes.FindByPid(pid));

    /// <inheritdoc/>
    public ImmutableArray<ProcessRecord> List() => _table.Read(_processes.List);

    /// <inheritdoc/>
    public string FreeName(string wanted) => _table.Read(() => _processes.FreeName(wanted));

    /// <inheritdoc/>
    public ulong FindEpoch(string processId) => _table.Read(() => _processes.Fence(processId));

    /// <inheritdoc/>
    public ImmutableArray<FlowRecord> ListFlows(string processId) => _table.Read(() => _flows.List(processId));

    /// <inheritdoc/>
    public MigrationRow? FindMigration(string migrationId, MigrationRole role) => _table.Read(() => _migrations.Find(migrationId, role));

    /// <inheritdoc/>
    public ImmutableArray<MigrationRow> ListMigrations(string? processId = null, int limit = 100) =>
        _table.Read(() => _migrations.List(processId, limit));

    /// <inheritdoc/>
    public ImmutableArray<MigrationRow> ListUndecidedMigrations() => _table.Read(_migrations.ListUndecided);

    /// <inheritdoc/>
    public ImmutableArray<LeftBehindRecord> ListLeftBehind() => _table.Read(_leftBehind.List);

    /// <inheritdoc/>
    public void PutLeftBehind(LeftBehindRecord record) => WriteLeftBehind(() =>
    {
        if (record.Flows.IsEmpty)
            _leftBehind.Remove(record.Id, record.Role);
        else
            _leftBehind.Put(record);
    });

    /// <inheritdoc/>
    public void RemoveLeftBehind(string id, NodeRole role) => WriteLeftBehind(() => _leftBehind.Remove(id, role));

    /// <inheritdoc/>
    public TableResult TryAdd(ProcessRecord record) => Write("Adding a process", record.Id, () =>
        _processes.Find(record.Id) is { } present ? Refuse(TableOutcome.Exists, present) : Store(record, fence: _processes.Fence(record.Id)));

    /// <inheritdoc/>
    public TableResult TryPut(ProcessRecord record) => Write("Storing a process", record.Id, () =>
        Store(record, fence: _processes.Fence(record.Id)));

    /// <inheritdoc/>
    public TableResult TryChange(string processId, ulong expectedEpoch, Func<ProcessRecord, ProcessRecord> change, bool durable = true) =>
        Write("Changing a process", processId, () => Change(processId, expectedEpoch, change), durable);

    /// <inheritdoc/>
    public TableResult TryChange(
        string processId, ulong expectedEpoch, Func<ProcessRecord, ProcessRecord> change, IReadOnlyCollection<FlowRecord> flows, bool durable) =>
        Write("Changing a process", processId, () =>
        {
            var changed = Change(processId, expectedEpoch, change);
            if (changed.IsDone)
            {
                _flows.Clear(processId);
                _flows.Put(processId, flows);
            }

            return changed;
        }, durable);

    /// <inheritdoc/>
    public TableResult TryDelete(string processId, ulong expectedEpoch) => Write("Deleting a process", processId, () =>
    {
        if (Fenced(processId, expectedEpoch, out _) is { } refused)
            return refused;
        _processes.Delete(processId);
        return new TableResult(TableOutcome.Done, null, expectedEpoch);
    });

    /// <inheritdoc/>
    public TableResult TryReplaceFlows(string processId, ulong expectedEpoch, IReadOnlyCollection<FlowRecord> flows) =>
        WriteFlows(processId, expectedEpoch, () =>
        {
            _flows.Clear(processId);
            _flows.Put(processId, flows);
        });

    /// <inheritdoc/>
    public TableResult TryAddFlows(string processId, ulong expectedEpoch, params IReadOnlyCollection<FlowRecord> flows) =>
        WriteFlows(processId, expectedEpoch, () =>
        {
            _flows.Put(processId, flows);
        });

    /// <inheritdoc/>
    public TableResult TryRemoveFlows(string processId, ulong expectedEpoch, params IReadOnlyCollection<FlowRecord> flows) =>
        WriteFlows(processId, expectedEpoch, () =>
        {
            foreach (var flow in flows)
                _flows.Remove(processId, flow);
        });

    /// <inheritdoc/>
    public TableResult TryPutMigration(MigrationRow row) => 
        _table.Write("Storing a migration", durable: true, () => Store(row));

    /// <inheritdoc/>
    public async IAsyncEnumerable<TableChanges> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var watcher = new TableWatcher();
        ImmutableInterlocked.Update(ref _watchers, watchers => watchers.Add(watcher));
        try
        {
            while (await watcher.WaitAsync(cancellationToken).ConfigureAwait(false))
            {
                TableChanges? changes;
                try
                {
                    changes = _table.Read(() => watcher.Take(_processes.List));
                }
                catch (ObjectDisposedException)
                {
                    yield break;
                }

                if (changes is not null)
                    yield return changes;
            }
        }
        finally
        {
            ImmutableInterlocked.Update(ref _watchers, watchers => watchers.Remove(watcher));
        }
    }

    /// <summary>Closes the file; watches end.</summary>
    public void Dispose()
    {
        _table.Dispose();
        foreach (var watcher in ImmutableInterlocked.InterlockedExchange(ref _watchers, []))
            watcher.Complete();
    }

    private static TableResult Refuse(TableOutcome outcome, ProcessRecord present) => new(outcome, present, present.Epoch);

    private TableResult Change(string processId, ulong expectedEpoch, Func<ProcessRecord, ProcessRecord> change)
    {
        if (Fenced(processId, expectedEpoch, out var present) is { } refused)
            return refused;
        var record = change(present!);
        if (record.Id != processId || record.Epoch < expectedEpoch)
            throw new ArgumentException("A change keeps the identifier and never lowers the epoch.", nameof(change));
        return Store(record, expectedEpoch);
    }

    private TableResult? Fenced(string processId, ulong expectedEpoch, out ProcessRecord? present)
    {
        present = _processes.Find(processId);
        if (present is null)
            return new TableResult(TableOutcome.NotFound, null, _processes.Fence(processId));
        return present.Epoch == expectedEpoch ? null : Refuse(TableOutcome.StaleEpoch, present);
    }

    private TableResult Store(ProcessRecord record, ulong fence)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(record.Epoch, (ulong)long.MaxValue, nameof(record));
        if (record.Epoch < fence)
            return new TableResult(TableOutcome.StaleEpoch, _processes.Find(record.Id), fence);
        if (_processes.IdOfName(record.Name) is { } holder && holder != record.Id)
            return new TableResult(TableOutcome.NameTaken, _processes.Find(record.Id), fence);
        var now = _time.GetUtcNow();
        var stored = record with { Created = record.Created == default ? now : record.Created, Updated = now };
        _processes.Put(stored);
        return new TableResult(TableOutcome.Done, stored, stored.Epoch);
    }

    private TableResult Store(MigrationRow row)
    {
        var present = _migrations.Find(row.MigrationId, row.Role);
        if (present is { IsDecided: true } && present.Outcome != row.Outcome)
            return new TableResult(TableOutcome.AlreadyDecided, Migration: present);
        var now = _time.GetUtcNow();
        var started = row.Started != default ? row.Started : present?.Started ?? now;
        var stored = row with { Started = started, Ended = row.IsDecided ? row.Ended ?? present?.Ended ?? now : row.Ended };
        _migrations.Put(stored);
        _migrations.Forget(now - HistoryOfTheGone);
        return new TableResult(TableOutcome.Done, Migration: stored);
    }

    // A flow's row is worth no fsync: what a power failure takes is the kernel's state of this node as well.
    private TableResult WriteFlows(string processId, ulong expectedEpoch, Action write) => Write("Storing connections", processId, () =>
    {
        if (Fenced(processId, expectedEpoch, out var present) is { } refused)
            return refused;
        write();
        return new TableResult(TableOutcome.Done, present, expectedEpoch);
    }, durable: false);

    // Worth no fsync, for the same reason.
    private void WriteLeftBehind(Action write) => _table.Write("Storing what was left behind", durable: false, () =>
    {
        write();
        return new TableResult(TableOutcome.Done);
    });

    private TableResult Write(string operation, string processId, Func<TableResult> write, bool durable = true) =>
        _table.Write(operation, durable, write, result =>
        {
            foreach (var watcher in _watchers)
                watcher.Note(processId, result.Record);
        });
}

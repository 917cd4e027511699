using Twins.Manager.Migration;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Manager.Cluster;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Home;

/// <summary>What home needs after a restart, kept in the Table of Twins.</summary>
internal sealed class HomeStore(ITableStore table, NodeCluster identity)
{
    /// <summary>The path was switched to another host: record and flows as they are now.</summary>
    /// <param name="process">What home knows.</param>
    /// <param name="pid">The process on its host; 0: the PID that it had.</param>
    public void Save(HomeProcess process, int pid) => table.TryChange(
        process.ProcessId,
        FoundEpoch(process.ProcessId),
        record => record with
        {
            Epoch = Math.Max(record.Epoch, process.Epoch),
            State = ProcessState.Redirected,
            Pid = pid > 0 ? pid : record.Pid,
            CurrentNode = process.Host!,
            CurrentNodeAddress = process.HostAddress ?? "",
            Twin = ToRecord(process.Twin),
            Listeners = [.. process.Listeners.Select(l => l.ToRecord())],
            HostLegs = [.. process.HostLegs.Select(l => l.ToEndpoint())],
            Cabin = null,
            PausedUntil = null,
            Note = "",
        },
        [.. process.Flows.Values.Select(f => f.ToRecord())],
        durable: true);

    /// <summary>It went from one host to another: history, whose steps the host that it left knows.</summary>
    public void SaveMove(HomeProcess process, string left, TimeSpan hold, SwitchPathReply held)
    {
        var row = new MigrationRow
        {
            MigrationId = $"{process.ProcessId} {process.Epoch}",
            Role = MigrationRole.Home,
            ProcessId = process.ProcessId,
            Epoch = process.Epoch,
            Left = left,
            Peer = process.Host!,
            Phase = MigrationSteps.Commit,
            Outcome = MigrationOutcome.Committed,
            Hold = hold,
            HeldPackets = held.HeldPackets,
            HeldBytes = held.HeldBytes,
        };
        // Peers don't wait for the disk.
        _ = Task.Run(() => table.TryPutMigration(row));
    }

    /// <summary>
    /// A process that runs here is being held: which twin does it, and for which endpoints. Peers wait while this is written,
    /// and a power failure ends the process too: the disk isn't waited for.
    /// </summary>
    public void SaveHold(HomeProcess process)
    {
        if (process.Host is not null)
            return;
        table.TryChange(
            process.ProcessId,
            FoundEpoch(process.ProcessId),
            record => record with
            {
                Twin = ToRecord(process.Twin),
                Listeners = [.. process.Listeners.Select(l => l.ToRecord())],
                HostLegs = [.. process.NextHostLegs.Select(l => l.ToEndpoint())],
            },
            [.. process.Connections.Select(c => new FlowRecord(c.ToTuple()))],
            durable: false);
    }

    /// <summary>
    /// A process is about to go from one host to another: after a restart what it sends from the next one mustn't meet this node's
    /// own stack, which answers RST. Those of a move that came to nothing stay until the next switch of the path.
    /// </summary>
    public void SaveNextLegs(HomeProcess process)
    {
        if (process.Host is null)
            return;
        table.TryChange(
            process.ProcessId,
            FoundEpoch(process.ProcessId),
            record => record with { HostLegs = [.. process.HostLegs.Union(process.NextHostLegs).Select(l => l.ToEndpoint())] });
    }

    /// <summary>What its peers send is held by a person's wish, or is so no longer.</summary>
    public void SavePause(HomeProcess process) => table.TryChange(
        process.ProcessId, FoundEpoch(process.ProcessId), record => record with { PausedUntil = process.PausedUntil });

    public void AddFlow(HomeProcess process, Flow flow) =>
        table.TryAddFlows(process.ProcessId, FoundEpoch(process.ProcessId), flow.ToRecord());

    public void RemoveFlows(HomeProcess process, IEnumerable<Connection> connections) =>
        table.TryRemoveFlows(process.ProcessId, FoundEpoch(process.ProcessId), [.. connections.Select(c => new FlowRecord(c.ToTuple()))]);

    /// <summary>The process is local again; its record is the registry's.</summary>
    public void Clear(string processId)
    {
        table.TryReplaceFlows(processId, FoundEpoch(processId), []);
        RemoveLeft(processId);
    }

    /// <summary>What the process closed and this node's own stack has.</summary>
    public void SaveLingering(HomeProcess process)
    {
        if (process.Lingering.Count == 0)
        {
            RemoveLeft(process.ProcessId);
            return;
        }

        table.PutLeftBehind(new LeftBehindRecord
        {
            Id = process.ProcessId,
            Role = NodeRole.Home,
            Epoch = process.Epoch,
            Flows = [.. process.Lingering.Select(c => new FlowRecord(c.ToTuple()))],
        });
    }

    /// <summary>What a process closed and left behind at a former host.</summary>
    public void SaveLeft(HomeProcess left) => table.PutLeftBehind(new LeftBehindRecord
    {
        Id = left.ProcessId,
        Role = NodeRole.Home,
        Epoch = left.Epoch,
        Flows = [.. left.Flows.Values.Select(f => f.ToRecord())],
        Queue = left.Twin.Queue,
        OtherNode = left.Host!,
        HostLegs = [.. left.HostLegs.Select(l => l.ToEndpoint())],
    });

    public void RemoveLeft(string id) => table.RemoveLeftBehind(id, NodeRole.Home);

    /// <summary>What processes closed before they left.</summary>
    public IEnumerable<LeftBehindRecord> LoadLeft() => table.ListLeftBehind().Where(r => r.Role == NodeRole.Home);

    /// <summary>The process has ended elsewhere.</summary>
    public void Delete(string processId)
    {
        RemoveLeft(processId);
        if (table.Find(processId) is { State: ProcessState.Redirected } record)
            table.TryDelete(processId, record.Epoch);
    }

    /// <summary>The processes that are redirected from here, or were held when twinsd ended.</summary>
    public IEnumerable<SavedHome> Load() => table.List()
        .Where(r => r is { Role: NodeRole.Home, Twin: not null }
            && (r.CurrentNode != identity.Name || r.State is ProcessState.Held or ProcessState.Migrating or ProcessState.InDoubt))
        .Select(r => new SavedHome(r, table.ListFlows(r.Id), held: r.CurrentNode == identity.Name));

    private ulong FoundEpoch(string processId) => table.Find(processId)?.Epoch ?? 0;

    private static TwinRecord ToRecord(Twin twin) => new($"twin-{twin.Queue}", twin.Pid, (ushort)twin.Queue, twin.ControlPath);
}

using Twins.Manager.Cluster;
using System.Globalization;
using System.Security.Cryptography;
using Google.Protobuf;
using Twins.Manager.Host;
using Twins.Manager.Nodes;
using Twins.Manager.Processes;
using Twins.Packets;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Registry;

/// <summary>The mobile processes that this node knows: a view on the Table of Twins with the words of the contracts.</summary>
internal sealed class ProcessRegistry(ITableStore table, NodeCluster identity)
{
    private readonly Lock _naming = new();

    /// <summary>All records, by name.</summary>
    public IEnumerable<ProcessRecord> List() => table.List();

    /// <summary>The process with this name or PID.</summary>
    public ProcessRecord? Find(string nameOrPid) => table.FindByNameOrPid(nameOrPid);

    /// <summary>The process with this identifier.</summary>
    public ProcessRecord? FindById(string processId) => table.Find(processId);

    /// <summary>Puts a process that runs here into the table, or completes the record that the hook began.</summary>
    /// <exception cref="NodeException">No such process, or the name is taken.</exception>
    public ProcessRecord Attach(int pid, string name, string outputPath, string errorPath)
    {
        if (ProcessIdentity.TryRead(pid) is not { } found)
            throw new NodeException(identity.Name, "no-such-process", $"No process has the PID {pid}.");
        lock (_naming)
            return Attach(found, name, outputPath, errorPath);
    }

    private ProcessRecord Attach(ProcessIdentity found, string name, string outputPath, string errorPath)
    {
        var pid = found.Pid;
        if (table.FindByPid(pid) is { State: not ProcessState.Exited } known && known.StartTimeTicks == found.StartTimeTicks)
            return known;
        var wanted = name.Length > 0 ? name : table.FreeName(OperatingSystem.IsWindows() ? found.CommandName : Path.GetFileName(found.Executable));
        if (table.List().FirstOrDefault(r => r.Name == wanted) is { } holder)
        {
            if (holder.State != ProcessState.Exited && (holder.CurrentNode != identity.Name || IsAlive(holder)))
                throw new NodeException(identity.Name, "name-taken", $"The name '{wanted}' belongs to PID {holder.Pid} on node '{holder.CurrentNode}'. Choose another with --name.");
            table.TryDelete(holder.Id, holder.Epoch);
        }

        var record = new ProcessRecord
        {
            Id = "p-" + RandomNumberGenerator.GetHexString(12, lowercase: true),
            Name = wanted,
            Pid = pid,
            StartTimeTicks = found.StartTimeTicks,
            Executable = found.Executable,
            HomeNode = identity.Name,
            HomeAddresses = [.. NodeFacts.Addresses().Where(a => a.IsIPv4)],
            CurrentNode = identity.Name,
            Epoch = 1,
            State = ProcessState.Running,
            Role = NodeRole.Home,
            OutputPath = outputPath,
            ErrorPath = errorPath,
        };
        var result = table.TryAdd(record);
        return result.IsDone ? result.Record! : throw new NodeException(identity.Name, "name-taken", $"The name '{wanted}' is taken.");
    }

    /// <summary>
    /// Records name this node as it is called now: 'twins cluster init' and 'join' name it, before them the settings and the host do.
    /// </summary>
    public void TakeNodeName()
    {
        lock (_naming)
        {
            foreach (var record in table.List())
            {
                var former = record.Role == NodeRole.Home ? record.HomeNode : record.CurrentNode;
                if (former != identity.Name)
                    table.TryChange(record.Id, record.Epoch, r => r with { HomeNode = Renamed(r.HomeNode), CurrentNode = Renamed(r.CurrentNode) });

                string Renamed(string node) => node == former ? identity.Name : node;
            }
        }
    }

    /// <summary>A process of another node, or one of ours that comes back, runs here from now on.</summary>
    public ProcessRecord Arrived(MobileProcess process, ulong epoch, NodeRole role, int pid, ProcessState state = ProcessState.Running)
    {
        var record = new ProcessRecord
        {
            Id = process.ProcessId,
            Name = process.Name,
            Pid = process.Pid,
            StartTimeTicks = pid == 0 ? 0 : ProcessIdentity.TryRead(pid)?.StartTimeTicks ?? 0,
            Executable = process.Executable,
            HomeNode = process.Home,
            HomeAddresses = [.. process.HomeAddresses.Select(a => InternetAddress.FromBytes(a.Span))],
            CurrentNode = identity.Name,
            Epoch = epoch,
            State = state,
            Role = role,
            OutputPath = process.OutputPath,
            ErrorPath = process.ErrorPath,
            Created = table.Find(process.ProcessId)?.Created ?? default,
        };
        var result = table.TryPut(record);
        return result.IsDone ? result.Record! : throw new NodeException(identity.Name, "table-refused", $"The table refused the record of '{process.Name}': {result.Outcome}. Compare what 'twins show' says of it on both nodes.");
    }

    /// <summary>A guest that was recorded before it existed runs; when it was started tells it from others that get its PID.</summary>
    public void NoteStart(string processId, ulong epoch)
    {
        if (table.Find(processId) is { StartTimeTicks: 0 } record && ProcessIdentity.TryRead(record.Pid) is { } found)
            table.TryChange(processId, epoch, r => r with { StartTimeTicks = found.StartTimeTicks, State = ProcessState.Running });
    }

    /// <summary>Which process was restored at its home and is about to run: a restart of twinsd tells by it whether it does. Of no use after a power failure.</summary>
    public void NoteRestored(string processId, int pid)
    {
        if (table.Find(processId) is { } record && ProcessIdentity.TryRead(pid) is { } found)
            table.TryChange(processId, record.Epoch, r => r with { StartTimeTicks = found.StartTimeTicks }, durable: false);
    }

    /// <summary>As <see cref="Arrived(MobileProcess, ulong, NodeRole, int, ProcessState)"/>, for a process of this home that turned out to be back after a restart.</summary>
    public ProcessRecord Arrived(ProcessRecord record, ulong epoch) =>
        Arrived(Describe(record), epoch, NodeRole.Home, record.Pid);

    /// <summary>The process never came to run here.</summary>
    public void NotArrived(string processId, ulong epoch)
    {
        if (table.Find(processId) is { Role: NodeRole.Host } record && record.Epoch == epoch)
            table.TryDelete(processId, epoch);
    }

    /// <summary>
    /// The process runs elsewhere now. Home keeps a record, which the home role writes when the host tells it, before this or
    /// after; another node keeps none.
    /// </summary>
    public void Departed(ProcessRecord record, string home)
    {
        if (home != identity.Name)
            table.TryDelete(record.Id, record.Epoch);
        else if (record.CurrentNode == identity.Name)
            TryMark(record, ProcessState.Migrating, "It runs elsewhere. Its packets are held until the node that runs it can tell where they go.");
    }

    /// <summary>The process has ended.</summary>
    public void Forget(string processId, ulong epoch)
    {
        if (table.Find(processId) is { } record && record.Epoch <= epoch)
            table.TryDelete(processId, record.Epoch);
    }

    /// <summary>Marks where the process stands.</summary>
    /// <returns>Whether the record was still at the epoch that the caller knows.</returns>
    public bool TryMark(ProcessRecord record, ProcessState state, string note = "") =>
        table.TryChange(record.Id, record.Epoch, r => r with { State = state, Note = note }).IsDone;

    /// <summary>Takes the process for one migration: fails when another is under way.</summary>
    /// <exception cref="NodeException">It isn't running here, or is being migrated.</exception>
    public ProcessRecord BeginMigration(string processId)
    {
        ProcessState? found = null;
        var record = table.Find(processId) ?? throw new NodeException(identity.Name, "no-such-process", $"Node '{identity.Name}' knows no process '{processId}'; 'twins ls' lists those that it knows.");
        var result = table.TryChange(processId, record.Epoch, r =>
        {
            found = r.State;
            return r.State == ProcessState.Running ? r with { State = ProcessState.Migrating } : r;
        });
        return found switch
        {
            ProcessState.Running when result.IsDone && record.CurrentNode == identity.Name => result.Record!,
            ProcessState.Migrating => throw new NodeException(identity.Name, "already-migrating", $"'{record.Name}' is being migrated already. Wait for the end of that; 'twins show {record.Name}' tells how it stands."),
            ProcessState.InDoubt => throw new NodeException(identity.Name, "in-doubt", $"'{record.Name}' is in doubt: {record.Note} See 'twins resolve'."),
            ProcessState.Held => throw new NodeException(identity.Name, "held", $"'{record.Name}' is held by hand; 'twins release {record.Name}' first."),
            _ => throw new NodeException(identity.Name, "not-running-here", $"'{record.Name}' doesn't run on node '{identity.Name}'; 'twins ls' tells where it runs."),
        };
    }

    /// <summary>Takes the process for a hold by hand; null when it isn't running any more, or is being migrated.</summary>
    public ProcessRecord? BeginHold(ProcessRecord record)
    {
        var isRunning = false;
        var result = table.TryChange(record.Id, record.Epoch, r =>
        {
            isRunning = r.State == ProcessState.Running;
            return isRunning ? r with { State = ProcessState.Held, Note = "" } : r;
        });
        return isRunning && result.IsDone ? result.Record : null;
    }

    /// <summary>The process that the record is of, and not another one with its PID.</summary>
    public static bool IsAlive(ProcessRecord record) =>
        ProcessIdentity.TryRead(record.Pid) is { } found && found.IsAlive() && (record.StartTimeTicks == 0 || found.StartTimeTicks == record.StartTimeTicks);

    /// <summary>Whether a process of this record runs here in the epoch of a migration that a restart interrupted.</summary>
    public static bool RunsHere(ProcessRecord record, ulong epoch) => (record.Role == NodeRole.Home || record.Epoch == epoch) && IsAlive(record);

    /// <summary>The program that the process is: as it is now when it is here, since it may have executed another one; otherwise as it was last known.</summary>
    public static string ExecutableOf(ProcessRecord record) =>
        ProcessIdentity.TryRead(record.Pid) is { Executable.Length: > 0 } found && found.StartTimeTicks == record.StartTimeTicks ? found.Executable : record.Executable;

    /// <summary>What travels with the process.</summary>
    public MobileProcess Describe(ProcessRecord record) => new()
    {
        ProcessId = record.Id,
        Name = record.Name,
        Pid = record.Pid,
        Home = record.HomeNode,
        HomeAddress = ByteString.CopyFrom(record.HomeAddresses[0].ToBytes()),
        HomeAddresses = { record.HomeAddresses.Select(a => ByteString.CopyFrom(a.ToBytes())) },
        Executable = ExecutableOf(record),
        OutputPath = record.OutputPath,
        ErrorPath = record.ErrorPath,
    };

    /// <summary>Where the process is, for home.</summary>
    public SwitchPathRequest PathHere(ProcessRecord record) => new()
    {
        ProcessId = record.Id,
        Epoch = record.Epoch,
        Host = identity.Name,
        HostAddress = identity.Address,
        Flows = { table.ListFlows(record.Id).Where(f => f.HomeLeg is not null).Select(f => f.ToWire()) },
        Listeners = { record.Listeners.Select(l => l.ToWire()) },
        HostLegs = { record.HostLegs.Select(l => l.ToWire()) },
        Pid = record.Pid,
    };

    /// <summary>One line about a process, for other nodes.</summary>
    public ProcessSummary Summarize(ProcessRecord record) => new()
    {
        ProcessId = record.Id,
        Name = record.Name,
        Pid = record.Pid,
        Epoch = record.Epoch,
        Home = record.HomeNode,
        Node = record.CurrentNode,
        State = StateName(record.State),
    };

    /// <summary>A state as users read it.</summary>
    public static string StateName(ProcessState state) => state switch
    {
        ProcessState.Redirected => "running",
        ProcessState.InDoubt => "in-doubt",
        _ => state.ToString().ToLower(CultureInfo.InvariantCulture),
    };
}

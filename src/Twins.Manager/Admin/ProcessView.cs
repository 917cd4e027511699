using Twins.Manager.Cluster;
using Twins.Manager.Home;
using Twins.Manager.Host;
using Twins.Manager.Nodes;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Manager.Rules;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Admin;

/// <summary>A process as users see it: the record, the kernel's sockets and the twin's counters.</summary>
internal sealed partial class ProcessView(
    ITableStore table,
    ProcessInspector processes,
    HomeRole home,
    HostRole host,
    TwinPool pool,
    DiversionRules rules,
    NodeCluster identity,
    ILogger<ProcessView> log)
{
    // Why the kernel's rules drop: what a held or moved process's own sockets at home would still send.
    private const string Silenced = "Silenced";

    /// <summary>The process now.</summary>
    public async Task<ProcessInfo> InfoAsync(ProcessRecord record, bool withHistory = false)
    {
        var info = new ProcessInfo
        {
            ProcessId = record.Id,
            Name = record.Name,
            Pid = record.Pid,
            Node = record.CurrentNode,
            State = ProcessRegistry.StateName(record.State),
            Epoch = record.Epoch,
            Home = record.HomeNode,
            Executable = ProcessRegistry.ExecutableOf(record),
            TwinPid = pool.Find(record.Id)?.Pid ?? 0,
            Path = record.CurrentNode == record.HomeNode ? "local" : "relay",
            Note = record.Note,
            Cabin = host.Find(record.Id)?.Place.NamespacePath ?? "",
        };
        if (home.Find(record.Id)?.PausedUntil is { } until)
        {
            info.PausedUntilUnixMilliseconds = until.ToUnixTimeMilliseconds();
            info.Note = $"Redirecting is paused: what its peers send is held here until {until:u}; 'twins resume' lets it go.";
        }

        info.Endpoints.AddRange(Endpoints(record));
        info.Listeners = (uint)info.Endpoints.Count(e => e.Role == "listener");
        info.Connections = (uint)info.Endpoints.Count - info.Listeners;
        await AddCountersAsync(info);
        AddNodeDrops(info);
        if (withHistory)
            info.History.AddRange(table.ListMigrations(record.Id).Select(m => ToRecord(m)));
        return info;
    }

    private IEnumerable<EndpointInfo> Endpoints(ProcessRecord record)
    {
        if (record.CurrentNode == identity.Name && record.State is not ProcessState.Exited)
            return processes.TryReadEndpointInfo(record, host.Find(record.Id));
        if (home.Find(record.Id) is not { } redirected)
            return [];
        var listeners = redirected.Listeners.Select(l => new EndpointInfo
        {
            Protocol = "tcp",
            Local = l.Local.ToEndpoint().ToString(),
            Role = "listener",
            Home = record.HomeNode,
            State = "LISTEN",
        });
        var ports = redirected.Listeners.Select(l => l.Local.Port).ToHashSet();
        return listeners.Concat(redirected.Flows.Values.ToList().Select(f => new EndpointInfo
        {
            Protocol = "tcp",
            Local = f.Connection.Local.ToEndpoint().ToString(),
            Remote = f.Connection.Peer.ToEndpoint().ToString(),
            Role = ports.Contains(f.Connection.Local.Port) ? "server" : "client",
            Home = record.HomeNode,
            State = "ESTABLISHED",
        }));
    }

    private async Task AddCountersAsync(ProcessInfo info)
    {
        if (pool.Find(info.ProcessId) is not { } twin)
            return;
        try
        {
            // Of the whole twin: what it can't put to a process it tells only then.
            var reply = await twin.SendAsync(new TwinRequest { Status = new Protocol.Status() });
            foreach (var status in reply.Status.Processes)
            {
                if (status.ProcessId == info.ProcessId)
                    AddCounters(info, status);
                else if (status.ProcessId.Length == 0)
                    info.TwinDrops.Add(status.Drops);
            }
        }
        catch (TwinException e)
        {
            LogNoCounters(info.ProcessId, e.Message);
        }
    }

    private static void AddCounters(ProcessInfo info, TwinProcessStatus status)
    {
        info.HeldPackets = status.HeldPackets;
        info.HeldBytes = status.HeldBytes;
        info.RedirectedPackets = status.RedirectedPackets;
        info.RedirectedBytes = status.RedirectedBytes;
        info.ZeroWindows = status.ZeroWindows;
        info.Drops.Add(status.Drops);
    }

    private void AddNodeDrops(ProcessInfo info)
    {
        try
        {
            if (rules.SilencedPackets is > 0 and var packets)
                info.NodeDrops[Silenced] = (ulong)packets;
        }
        catch (Exception e) when (e is InvalidOperationException or Diversion.DiversionException)
        {
            LogNoCounters(info.ProcessId, e.Message);
        }
    }

    [LoggerMessage(1601, LogLevel.Debug, "No counters of {Process}: {Cause}")]
    private partial void LogNoCounters(string process, string cause);

    private MigrationRecord ToRecord(MigrationRow row) => new()
    {
        From = row.Role switch { MigrationRole.Source => identity.Name, MigrationRole.Home => row.Left, _ => row.Peer },
        To = row.Role == MigrationRole.Destination ? identity.Name : row.Peer,
        Epoch = row.Epoch,
        StartedUnixMilliseconds = row.Started.ToUnixTimeMilliseconds(),
        Outcome = row.Outcome switch
        {
            MigrationOutcome.RolledBack or MigrationOutcome.Aborted => "rolled-back",
            MigrationOutcome.InDoubt => "in-doubt",
            MigrationOutcome.Running => "running",
            _ => "committed",
        },
        Message = row.Message,
        Phases = { row.Steps.Select(s => new MigrationPhase { Name = s.Name, Milliseconds = s.Duration.TotalMilliseconds }) },
        FrozenMilliseconds = row.Frozen.TotalMilliseconds,
        HoldMilliseconds = row.Hold.TotalMilliseconds,
        HeldPackets = row.HeldPackets,
        HeldBytes = row.HeldBytes,
    };
}

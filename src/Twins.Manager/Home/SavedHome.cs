using System.Collections.Immutable;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Table;

namespace Twins.Manager.Home;

/// <summary>What the table says of a redirected process.</summary>
internal sealed class SavedHome(ProcessRecord record, ImmutableArray<FlowRecord> flows, bool held)
{
    public string ProcessId => record.Id;

    public int Queue => record.Twin!.Queue;

    public HomeProcess ToProcess(Twin twin)
    {
        var process = new HomeProcess(record.Id, twin)
        {
            Epoch = record.Epoch,
            Host = held ? null : record.CurrentNode,
            HostAddress = held ? null : record.CurrentNodeAddress,
            Holding = held || record.PausedUntil is not null,
            PausedUntil = held ? null : record.PausedUntil,
        };
        process.Listeners.UnionWith(record.Listeners.Select(l => l.ToWire()));
        (held ? process.NextHostLegs : process.HostLegs).UnionWith(record.HostLegs.Select(l => l.ToWire()));
        process.Connections.UnionWith(flows.Select(f => f.Connection.ToConnection()));
        foreach (var flow in flows.Where(f => f.HomeLeg is not null).Select(f => f.ToWire()))
            process.Flows[flow.Connection] = flow;

        return process;
    }
}

using System.Collections.Immutable;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Manager.Cluster;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Host;

/// <summary>What the host half of a guest needs after a restart, kept in the Table of Twins.</summary>
internal sealed class HostStore(ITableStore table, NodeCluster identity)
{
    /// <summary>The guest's half as it is now.</summary>
    public void Save(HostedProcess hosted)
    {
        var result = table.TryChange(hosted.ProcessId, FoundEpoch(hosted), record => record with
        {
            Role = NodeRole.Host,
            Twin = new TwinRecord($"twin-{hosted.Twin.Queue}", hosted.Twin.Pid, (ushort)hosted.Twin.Queue, hosted.Twin.ControlPath),
            Cabin = hosted.Place.Id,
            Listeners = [.. hosted.Listeners.Select(l => l.ToRecord())],
            HostLegs = [.. hosted.HostLegs.Select(l => l.ToEndpoint())],
        });
        if (result.IsDone)
            table.TryReplaceFlows(hosted.ProcessId, result.Epoch, [.. hosted.Flows.Values.Select(f => f.ToRecord())]);
    }

    public void AddFlow(HostedProcess hosted, Flow flow) =>
        table.TryAddFlows(hosted.ProcessId, FoundEpoch(hosted), flow.ToRecord());

    public void RemoveFlows(HostedProcess hosted, IEnumerable<Flow> flows) =>
        table.TryRemoveFlows(hosted.ProcessId, FoundEpoch(hosted), [.. flows.Select(f => f.ToRecord())]);

    /// <summary>The guests that were here.</summary>
    public IEnumerable<SavedGuest> Load() => table.List()
        .Where(r => r is { Role: NodeRole.Host, Cabin: not null, Twin: not null } && r.CurrentNode == identity.Name)
        .Select(r => new SavedGuest(r, table.ListFlows(r.Id)));

    /// <summary>What a guest closed and left behind.</summary>
    public void SaveLeft(HostedProcess left) => table.PutLeftBehind(new LeftBehindRecord
    {
        Id = left.ProcessId,
        Role = NodeRole.Host,
        Epoch = left.Epoch,
        Flows = [.. left.Flows.Values.Select(f => f.ToRecord())],
        Queue = left.Twin.Queue,
        OtherNode = left.Home,
        HostLegs = [.. left.HostLegs.Select(l => l.ToEndpoint())],
        Cabin = left.Place.Id,
        HomeAddress = left.HomeAddress.ToEndpoint().Address,
    });

    public void RemoveLeft(string id) => table.RemoveLeftBehind(id, NodeRole.Host);

    /// <summary>What guests closed and left behind.</summary>
    public IEnumerable<LeftBehindRecord> LoadLeft() => table.ListLeftBehind().Where(r => r.Role == NodeRole.Host);

    private ulong FoundEpoch(HostedProcess hosted) => table.Find(hosted.ProcessId)?.Epoch ?? 0;

    /// <summary>What the table says of a guest.</summary>
    internal sealed record SavedGuest(ProcessRecord Record, ImmutableArray<FlowRecord> Flows)
    {
        public HostedProcess ToProcess(Twin twin, GuestPlace place)
        {
            var hosted = new HostedProcess(Record.Id, twin, place)
            {
                Epoch = Record.Epoch,
                Home = Record.HomeNode,
                HomeAddress = new Packets.Endpoint(Record.HomeAddresses[0], 0).ToWire(),
                Open = true,
            };
            hosted.HostLegs.UnionWith(Record.HostLegs.Select(l => l.ToWire()));
            hosted.Listeners.UnionWith(Record.Listeners.Select(l => l.ToWire()));
            foreach (var flow in Flows.Where(f => f.HomeLeg is not null).Select(f => f.ToWire()))
                hosted.Flows[flow.Connection] = flow;
            return hosted;
        }
    }
}

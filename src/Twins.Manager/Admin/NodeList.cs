using System.Diagnostics;
using Twins.Manager.Cluster;
using Twins.Manager.Nodes;
using Twins.Protocol;

namespace Twins.Manager.Admin;

/// <summary>All known nodes, each asked now.</summary>
internal sealed class NodeList(NodeMap nodes, NodeCluster identity, LocalNode self)
{
    /// <summary>Each node, and the processes that it knows; of one that can't be asked the cause instead.</summary>
    public Task<(NodeInfo Info, IReadOnlyList<ProcessSummary> Processes)[]> ReadAsync(CancellationToken cancellation) =>
        Task.WhenAll(nodes.Names.Select(name => DescribeAsync(name, cancellation)));

    private async Task<(NodeInfo Info, IReadOnlyList<ProcessSummary> Processes)> DescribeAsync(string name, CancellationToken cancellation)
    {
        var info = new NodeInfo { Name = name, Self = name == identity.Name, Address = name == identity.Name ? identity.Address : nodes.AddressOf(name) };
        IReadOnlyList<ProcessSummary> processes = [];
        try
        {
            var started = Stopwatch.GetTimestamp();
            var description = info.Self ? await self.DescribeAsync(cancellation) : await nodes.Get(name).DescribeAsync(cancellation);
            info.RoundTripMilliseconds = info.Self ? 0 : Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            info.Reachable = true;
            info.Version = description.Version;
            info.Kernel = description.Kernel;
            info.Criu = description.Criu;
            info.Processes = (uint)description.Processes.Count(p => p.Node == name);
            processes = description.Processes;
        }
        catch (NodeException e)
        {
            info.Problem = e.Message;
        }

        return (info, processes);
    }
}

using Grpc.Core;
using Twins.Protocol;
using Status = Grpc.Core.Status;

namespace Twins.Manager.Cluster;

/// <summary>
/// Spreads the directory: a node that joined is told to all members at once; every node tells itself to all that it knows
/// when it starts and each minute, and learns from the answers what it missed while it was away. Until it has reached all once, the
/// minute is shorter: nodes that start together know of each other when all are there.
/// </summary>
internal sealed partial class NodeAnnouncer(NodeCluster cluster, NodeConnections connections, TimeProvider time, ILogger<NodeAnnouncer> logger)
    : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(1); // doubled each time

    private CancellationToken _stopping;

    /// <summary>Tells all members of a node, in the background. A member that can't be reached learns with its own next round.</summary>
    public void Announce(KnownNodeEntry node) => _ = AnnounceToAllAsync(node, _stopping);

    /// <summary>Tells all other members of a node and learns from their answers.</summary>
    /// <returns>Whether all of them know it now.</returns>
    public async Task<bool> AnnounceToAllAsync(KnownNodeEntry node, CancellationToken cancellationToken) => (await Task.WhenAll(cluster.Directory.Nodes
        .Where(member => member.Name != cluster.Name && member.Name != node.Name)
        .Select(member => AnnounceToAsync(member.Name, node, cancellationToken)))).All(told => told);

    /// <summary>The answer to a member's <c>AnnounceNode</c>. For the NodeApi service.</summary>
    /// <exception cref="RpcException">The node told of is malformed or may not be changed by the caller.</exception>
    public AnnounceNodeReply Answer(AnnounceNodeRequest request, ServerCallContext context)
    {
        if (!cluster.Directory.TryLearn(context.GetNodeName(), request.Name, request.Address))
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"Node '{request.Name}' at '{request.Address}' is refused: malformed, or known at another address."));
        var reply = new AnnounceNodeReply();
        reply.Nodes.AddRange(cluster.Directory.Nodes.Select(node => new AnnounceNodeReply.Types.Member { Name = node.Name, Address = node.Address }));
        return reply;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _stopping = stoppingToken;
        var pause = ShortestPause;
        while (true)
        {
            var isKnown = cluster.Address is not { Length: > 0 } address
                || await AnnounceToAllAsync(new KnownNodeEntry(cluster.Name, address), stoppingToken);
            pause = isKnown || pause > Period ? Period : pause;
            await Task.Delay(pause, time, stoppingToken);
            pause *= 2;
        }
    }

    private async Task<bool> AnnounceToAsync(string member, KnownNodeEntry node, CancellationToken cancellationToken)
    {
        try
        {
            var reply = await connections.Client(member).AnnounceNodeAsync(
                new AnnounceNodeRequest { Name = node.Name, Address = node.Address }, cancellationToken: cancellationToken);
            foreach (var known in reply.Nodes)
                cluster.Directory.TryLearn(member, known.Name, known.Address);
            return true;
        }
        catch (Exception exception) when (exception is RpcException or ClusterException)
        {
            LogNotReached(member, node.Name, exception.Message);
            return false;
        }
    }

    [LoggerMessage(3003, LogLevel.Debug, "Node {Member} could not be told of {Node}: {Cause}")]
    private partial void LogNotReached(string member, string node, string cause);
}

using Grpc.Core;
using Twins.Protocol;
using Status = Grpc.Core.Status;

namespace Twins.Manager.Cluster;

/// <summary>
/// Spreads the directory: a node that joined is told to all members at once; every node tells itself to all that it knows
/// when it starts and each minute, and learns from the answers what it missed while it was away.
/// </summary>
internal sealed partial class NodeAnnouncer(NodeCluster cluster, NodeConnections connections, TimeProvider time, ILogger<NodeAnnouncer> logger)
    : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    private CancellationToken _stopping;

    /// <summary>Tells all members of a node, in the background. A member that can't be reached learns with its own next round.</summary>
    public void Announce(KnownNodeEntry node) => _ = AnnounceToAllAsync(node, _stopping);

    /// <summary>Tells all other members of a node and learns from their answers.</summary>
    public Task AnnounceToAllAsync(KnownNodeEntry node, CancellationToken cancellationToken) => Task.WhenAll(cluster.Directory.Nodes
        .Where(member => member.Name != cluster.Name && member.Name != node.Name)
        .Select(member => AnnounceToAsync(member.Name, node, cancellationToken)));

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
        using var timer = new PeriodicTimer(Period, time);
        do
        {
            if (cluster.Address is { Length: > 0 } address)
                await AnnounceToAllAsync(new KnownNodeEntry(cluster.Name, address), stoppingToken).ConfigureAwait(false);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false));
    }

    private async Task AnnounceToAsync(string member, KnownNodeEntry node, CancellationToken cancellationToken)
    {
        try
        {
            var reply = await connections.Client(member).AnnounceNodeAsync(
                new AnnounceNodeRequest { Name = node.Name, Address = node.Address }, cancellationToken: cancellationToken);
            foreach (var known in reply.Nodes)
                cluster.Directory.TryLearn(member, known.Name, known.Address);
        }
        catch (Exception exception) when (exception is RpcException or ClusterException)
        {
            LogNotReached(member, node.Name, exception.Message);
        }
    }

    [LoggerMessage(3003, LogLevel.Debug, "Node {Member} could not be told of {Node}: {Cause}")]
    private partial void LogNotReached(string member, string node, string cause);
}

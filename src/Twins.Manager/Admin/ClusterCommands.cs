using System.Globalization;
using System.Security.Cryptography;
using Twins.Manager.Cluster;
using Twins.Manager.Nodes;
using Twins.Manager.Registry;
using Twins.Protocol;

namespace Twins.Manager.Admin;

/// <summary>Making and joining a cluster, for the CLI.</summary>
internal sealed class ClusterCommands(NodeCluster cluster, ProcessRegistry registry)
{
    public Task<ClusterInitReply> InitAsync(ClusterInitRequest request, CancellationToken cancellation) => Guard(() =>
    {
        var identity = cluster.Init(request.Node, request.Address);
        registry.TakeNodeName();
        return Task.FromResult(new ClusterInitReply
        {
            Node = identity.Name,
            Address = cluster.Address,
            Fingerprint = Convert.ToHexStringLower(SHA256.HashData(identity.Authority.RawData)),
        });
    });

    public Task<ClusterTokenReply> MakeTokenAsync(ClusterTokenRequest request, CancellationToken cancellation) => Guard(() =>
    {
        if (request.Minutes is < 0 or > 1440)
            throw new ClusterException($"A token is valid for 1 to 1440 minutes, not {request.Minutes}.");
        var lifetime = request.Minutes == 0 ? NodeCluster.DefaultTokenLifetime : TimeSpan.FromMinutes(request.Minutes);
        var token = cluster.CreateToken(lifetime, out var expires);
        return Task.FromResult(new ClusterTokenReply { Token = token, Expires = expires.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture) });
    });

    public Task<ClusterJoinReply> JoinAsync(ClusterJoinRequest request, CancellationToken cancellation) => Guard(async () =>
    {
        var identity = await cluster.JoinAsync(request.Token, request.Node, request.Address, cancellation);
        registry.TakeNodeName();
        return new ClusterJoinReply { Node = identity.Name, Nodes = { cluster.Directory.Nodes.Select(n => n.Name) } };
    });

    private async Task<T> Guard<T>(Func<Task<T>> command)
    {
        try
        {
            return await command();
        }
        catch (ClusterException e)
        {
            throw new NodeException(cluster.Name, "cluster", e.Message, inner: e);
        }
    }
}

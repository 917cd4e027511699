using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Twins.Manager.Access;

namespace Twins.Manager.Cluster;

/// <summary>The caller of a node's service.</summary>
internal static class CallerExtensions
{
    /// <summary>The node that calls, by its certificate, which the handshake has verified.</summary>
    /// <exception cref="RpcException">UNAUTHENTICATED: the call did not come in by the node API's port.</exception>
    public static string GetNodeName(this ServerCallContext context) => context.GetHttpContext().GetNodeName();

    /// <summary>Who calls, for the log: a node, an address, or a user of this machine.</summary>
    public static string GetSender(this HttpContext context) =>
        context.Connection.ClientCertificate is { } certificate && ClusterIdentity.NameOf(certificate) is { } name
            ? $"Node {name}"
            : context.Features.Get<ListenerFeature>()?.Sender ?? "Somebody";

    /// <inheritdoc cref="GetNodeName(ServerCallContext)"/>
    public static string GetNodeName(this HttpContext context) =>
        context.Connection.ClientCertificate is { } certificate && ClusterIdentity.NameOf(certificate) is { } name
            ? name
            : throw new RpcException(new Status(StatusCode.Unauthenticated, "The caller is no node of this cluster."));
}

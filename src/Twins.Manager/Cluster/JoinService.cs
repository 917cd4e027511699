using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Twins.Protocol;
using Status = Grpc.Core.Status;

namespace Twins.Manager.Cluster;

/// <summary>Answers nodes that join: the one service without a client certificate, so it believes nothing but the one-time secret. Its refusals are logged where all are.</summary>
internal sealed partial class JoinService(
    NodeCluster cluster, FailureLimit limit, NodeAnnouncer announcer, TimeProvider time, ILogger<JoinService> logger) : JoinApi.JoinApiBase
{
    public override Task<JoinReply> Join(JoinRequest request, ServerCallContext context)
    {
        var caller = context.GetHttpContext().Connection.RemoteIpAddress?.ToString() ?? "";
        if (limit.IsExceeded(caller))
            throw Refusal(StatusCode.ResourceExhausted, "Too many failed attempts; wait a minute and try again.");
        if (cluster.Authority is not { } authority || cluster.Identity is null)
            throw Refusal(StatusCode.Unavailable, "This node has not the cluster's authority.");
        if (request.Secret.Length != JoinToken.SecretBytes || !cluster.Tokens.IsGood(request.Secret.Span))
            throw RefuseToken(caller);
        var key = CheckJoiner(request);

        // From here on the token is spent, whatever happens.
        if (!cluster.Tokens.TryUse(request.Secret.Span))
            throw RefuseToken(caller);
        if (!cluster.Directory.TryAdd(request.Node, request.Address))
            throw Refusal(StatusCode.ResourceExhausted, $"Another node took the name just now, or the cluster has its most nodes, {NodeDirectory.MostNodes}.");
        using var certificate = authority.Issue(request.Node, key, time);
        LogJoined(request.Node, request.Address);
        announcer.Announce(new KnownNodeEntry(request.Node, request.Address));
        var reply = new JoinReply
        {
            Certificate = ByteString.CopyFrom(certificate.RawData), CaCertificate = ByteString.CopyFrom(authority.Certificate.RawData),
        };
        reply.Nodes.AddRange(cluster.Directory.Nodes.Select(node => new KnownNode { Name = node.Name, Address = node.Address }));
        return Task.FromResult(reply);
    }

    private static RpcException Refusal(StatusCode code, string detail) => new(new Status(code, detail));

    private RpcException RefuseToken(string caller)
    {
        limit.NoteFailure(caller);
        return Refusal(StatusCode.Unauthenticated, "The token is unknown, used or expired. Get a new one with 'twins cluster token'.");
    }

    private PublicKey CheckJoiner(JoinRequest request)
    {
        if (!NodeName.IsValid(request.Node))
            throw Refusal(StatusCode.InvalidArgument, $"'{request.Node}' can't be a node's name; allowed: {NodeName.Allowed}.");
        if (!NodeAddress.TryParse(request.Address, out _, out _))
            throw Refusal(StatusCode.InvalidArgument, $"'{request.Address}' is no HOST:PORT.");
        if (cluster.Directory.Find(request.Node) is not null)
            throw Refusal(StatusCode.AlreadyExists, $"The cluster has a node {request.Node}. Choose another name with --node.");
        return SigningRequest.ReadKey(request.SigningRequest);
    }

    [LoggerMessage(3001, LogLevel.Information, "Node {Node} at {Address} joined the cluster")]
    private partial void LogJoined(string node, string address);
}

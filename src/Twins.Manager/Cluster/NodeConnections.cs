using System.Collections.Concurrent;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Twins.Manager.Settings;
using Twins.Protocol;

namespace Twins.Manager.Cluster;

/// <summary>
/// Channels to the other nodes, one each, over mutual TLS (<see cref="TlsTransport"/>). Who answers must have a certificate of our
/// authority that names the node that was dialled. Calls without a deadline get one, except streams. Thread safe.
/// </summary>
internal sealed class NodeConnections(NodeCluster cluster, INodeTransport transport, TwinsdOptions options) : IDisposable
{
    public const int MostMessageBytes = 4 * 1024 * 1024;

    // Also while idle: a dead link is known before the next call needs it.
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(3);

    // A connection is as good as the certificates were at its handshake; a longer one is made anew.
    private static readonly TimeSpan LongestConnection = TimeSpan.FromHours(12);

    private readonly ConcurrentDictionary<string, Lazy<NodeChannel>> _channels = new(StringComparer.Ordinal);

    /// <summary>A client for a node. It connects with the first call, and again when a connection broke; a node that can't be reached is UNAVAILABLE there.</summary>
    /// <exception cref="ClusterException">No such node, or this one is in no cluster.</exception>
    public NodeApi.NodeApiClient Client(string node)
    {
        if (cluster.Directory.Find(node) is null)
        {
            throw new ClusterException(cluster.Directory.Nodes.Any()
                ? $"No node is called {node}. Known: {string.Join(", ", cluster.Directory.Nodes.Select(known => known.Name))}."
                : NodeCluster.InNone);
        }

        // What fails is not kept: this node may be in a cluster a moment later.
        return _channels.GetOrAdd(node, name => new Lazy<NodeChannel>(() => Open(name), LazyThreadSafetyMode.PublicationOnly)).Value.Client;
    }

    public void Dispose()
    {
        foreach (var channel in _channels.Values)
        {
            if (channel.IsValueCreated)
                channel.Value.Dispose();
        }
    }

    private NodeChannel Open(string node)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectTimeout = options.NodeConnectDeadline,
            EnableMultipleHttp2Connections = true,
            KeepAlivePingDelay = KeepAlive,
            KeepAlivePingTimeout = KeepAlive,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(10),
            PooledConnectionLifetime = LongestConnection,
        };
        transport.Dial(handler, node);
        var channel = GrpcChannel.ForAddress($"{transport.Scheme}://{node}", new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            MaxReceiveMessageSize = MostMessageBytes,
            MaxSendMessageSize = MostMessageBytes,
        });
        return new NodeChannel(channel, new NodeApi.NodeApiClient(channel.Intercept(new DefaultDeadline(options.NodeCallDeadline))));
    }

    private sealed record NodeChannel(GrpcChannel Channel, NodeApi.NodeApiClient Client) : IDisposable
    {
        public void Dispose() => Channel.Dispose();
    }

    private sealed class DefaultDeadline(TimeSpan deadline) : Interceptor
    {
        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation) =>
            continuation(request, context.Options.Deadline is not null
                ? context
                : new ClientInterceptorContext<TRequest, TResponse>(
                    context.Method, context.Host, context.Options.WithDeadline(DateTime.UtcNow + deadline)));
    }
}

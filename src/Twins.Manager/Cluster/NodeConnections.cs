using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Twins.Diversion.Linux;
using Twins.Manager.Settings;
using Twins.Protocol;

namespace Twins.Manager.Cluster;

/// <summary>
/// Channels to the other nodes, one each, over mutual TLS. Who answers must have a certificate of our authority that names
/// the node that was dialled. Calls without a deadline get one, except streams. Thread safe.
/// </summary>
internal sealed class NodeConnections(NodeCluster cluster, TwinsdOptions options) : IDisposable
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
        if (cluster.Identity is not { } identity)
            throw new ClusterException("This node is in no cluster. Run 'twins cluster init' or 'twins cluster join' first.");
        if (cluster.Directory.Find(node) is null)
        {
            throw new ClusterException(
                $"No node is called {node}. Known: {string.Join(", ", cluster.Directory.Nodes.Select(known => known.Name))}.");
        }

        return _channels.GetOrAdd(node, name => new Lazy<NodeChannel>(() => Open(name, identity.TrustPolicy()))).Value.Client;
    }

    public void Dispose()
    {
        foreach (var channel in _channels.Values)
        {
            if (channel.IsValueCreated)
                channel.Value.Dispose();
        }
    }

    private NodeChannel Open(string node, X509ChainPolicy trust)
    {
        var channel = GrpcChannel.ForAddress($"https://{node}", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                UseProxy = false,
                ConnectTimeout = options.NodeConnectDeadline,
                ConnectCallback = (_, cancellationToken) => ConnectAsync(node, cancellationToken),
                EnableMultipleHttp2Connections = true,
                KeepAlivePingDelay = KeepAlive,
                KeepAlivePingTimeout = KeepAlive,
                KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
                PooledConnectionIdleTimeout = TimeSpan.FromMinutes(10),
                PooledConnectionLifetime = LongestConnection,
                SslOptions = new SslClientAuthenticationOptions
                {
                    TargetHost = node,
                    EnabledSslProtocols = SslProtocols.Tls13,

                    // Asked with every handshake: the certificate may have been renewed.
                    LocalCertificateSelectionCallback = (_, _, _, _, _) => cluster.Identity!.Certificate,
                    CertificateChainPolicy = trust,
                },
            },
            DisposeHttpClient = true,
            MaxReceiveMessageSize = MostMessageBytes,
            MaxSendMessageSize = MostMessageBytes,
        });
        return new NodeChannel(channel, new NodeApi.NodeApiClient(channel.Intercept(new DefaultDeadline(options.NodeCallDeadline))));
    }

    // The address is looked up with every connection: a node that moved is found.
    private async ValueTask<Stream> ConnectAsync(string node, CancellationToken cancellationToken)
    {
        if (!NodeAddress.TryParse(cluster.Directory.Find(node)?.Address, out var host, out var port))
            throw new HttpRequestException($"The address of node {node} is not known.");
        NetworkNamespace.ComeBack();
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new DnsEndPoint(host, port), cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
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

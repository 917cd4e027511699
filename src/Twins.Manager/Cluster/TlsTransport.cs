using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Twins.Diversion.Linux;
using Twins.Manager.Access;

namespace Twins.Manager.Cluster;

/// <summary>
/// TLS 1.3, by which both ends prove to be of our cluster. It is decided for each connection, so that a node which joins a
/// cluster needs no restart. Before that, and on the join port of a node without the authority, every handshake is refused.
/// </summary>
internal sealed class TlsTransport(NodeCluster cluster) : INodeTransport
{
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public string Scheme => "https";

    /// <inheritdoc/>
    public void Accept(IConnectionBuilder endpoint, ListenerKind kind) => ((ListenOptions)endpoint).UseHttps(new TlsHandshakeCallbackOptions
    {
        OnConnection = kind == ListenerKind.Join ? ForJoiners : ForNodes,
        HandshakeTimeout = HandshakeTimeout,
    });

    /// <inheritdoc/>
    public void Dial(SocketsHttpHandler client, string node)
    {
        var identity = cluster.Identity ?? throw new ClusterException(NodeCluster.InNone);
        client.ConnectCallback = (_, cancellationToken) => ConnectAsync(node, cancellationToken);
        client.SslOptions = new SslClientAuthenticationOptions
        {
            TargetHost = node,
            EnabledSslProtocols = SslProtocols.Tls13,

            // Asked with every handshake: the certificate may have been renewed.
            LocalCertificateSelectionCallback = (_, _, _, _, _) => cluster.Identity!.Certificate,
            CertificateChainPolicy = identity.TrustPolicy(),
        };
    }

    // The node API's: both ends prove to be of our cluster.
    private ValueTask<SslServerAuthenticationOptions> ForNodes(TlsHandshakeCallbackContext context)
    {
        var connection = context.Connection.Features.Get<ListenerFeature>();
        if (cluster.Identity is not { } identity)
            throw Refuse(connection, "no-cluster", "this node is in no cluster");
        return ValueTask.FromResult(new SslServerAuthenticationOptions
        {
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            EnabledSslProtocols = SslProtocols.Tls13,
            ServerCertificateContext = identity.CertificateContext,
            ClientCertificateRequired = true,
            CertificateChainPolicy = identity.TrustPolicy(),
            AllowTlsResume = false, // a resumed session would not be looked at again
            RemoteCertificateValidationCallback = (_, certificate, _, errors) => IsMember(certificate, errors, connection),
        });
    }

    // The join port's: this end is the authority itself, whose hash the joiner has; the joiner has nothing yet.
    private ValueTask<SslServerAuthenticationOptions> ForJoiners(TlsHandshakeCallbackContext context)
    {
        if (cluster.Authority is not { } authority)
            throw Refuse(context.Connection.Features.Get<ListenerFeature>(), "no-authority", "this node has not the cluster's authority");
        return ValueTask.FromResult(new SslServerAuthenticationOptions
        {
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            EnabledSslProtocols = SslProtocols.Tls13,
            ServerCertificate = authority.Certificate,
        });
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

    private static bool IsMember(X509Certificate? certificate, SslPolicyErrors errors, ListenerFeature? connection)
    {
        if (errors == SslPolicyErrors.None && certificate is X509Certificate2 node && ClusterIdentity.NameOf(node) is not null)
            return true;
        connection?.Refusal = certificate is null
            ? ("no-certificate", "it has no certificate")
            : ("certificate", $"its certificate is not of this cluster or not valid now; it is for '{certificate.Subject}'");
        return false;
    }

    private static AuthenticationException Refuse(ListenerFeature? connection, string reason, string what)
    {
        connection?.Refusal = (reason, what);
        return new AuthenticationException(what);
    }
}

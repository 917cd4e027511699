using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Twins.Manager.Access;

namespace Twins.Manager.Cluster;

/// <summary>
/// TLS of the two ports, decided for each connection, so that a node which joins a cluster needs no restart. Before that,
/// and on the join port of a node without the authority, every handshake is refused.
/// </summary>
internal sealed class NodeHandshake(NodeCluster cluster)
{
    /// <summary>The node API's: both ends prove to be of our cluster.</summary>
    public ValueTask<SslServerAuthenticationOptions> ForNodes(TlsHandshakeCallbackContext context)
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

    /// <summary>The join port's: this end is the authority itself, whose hash the joiner has; the joiner has nothing yet.</summary>
    public ValueTask<SslServerAuthenticationOptions> ForJoiners(TlsHandshakeCallbackContext context)
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

using System.Net;
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
internal sealed partial class NodeHandshake(NodeCluster cluster, ILogger<NodeHandshake> logger)
{
    private readonly OncePerKey _refused = new();

    /// <summary>The node API's: both ends prove to be of our cluster.</summary>
    public ValueTask<SslServerAuthenticationOptions> ForNodes(TlsHandshakeCallbackContext context)
    {
        if (cluster.Identity is not { } identity)
            throw new AuthenticationException("This node is in no cluster.");
        var caller = context.Connection.RemoteEndPoint;
        return ValueTask.FromResult(new SslServerAuthenticationOptions
        {
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            EnabledSslProtocols = SslProtocols.Tls13,
            ServerCertificateContext = identity.CertificateContext,
            ClientCertificateRequired = true,
            CertificateChainPolicy = identity.TrustPolicy(),
            AllowTlsResume = false, // a resumed session would not be looked at again
            RemoteCertificateValidationCallback = (_, certificate, _, errors) => IsMember(certificate, errors, caller),
        });
    }

    /// <summary>The join port's: this end is the authority itself, whose hash the joiner has; the joiner has nothing yet.</summary>
    public ValueTask<SslServerAuthenticationOptions> ForJoiners(TlsHandshakeCallbackContext context)
    {
        if (cluster.Authority is not { } authority)
            throw new AuthenticationException("This node has not the cluster's authority.");
        return ValueTask.FromResult(new SslServerAuthenticationOptions
        {
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            EnabledSslProtocols = SslProtocols.Tls13,
            ServerCertificate = authority.Certificate,
        });
    }

    private bool IsMember(X509Certificate? certificate, SslPolicyErrors errors, EndPoint? caller)
    {
        if (errors == SslPolicyErrors.None && certificate is X509Certificate2 node && ClusterIdentity.NameOf(node) is not null)
            return true;
        var address = (caller as IPEndPoint)?.Address.ToString() ?? "";
        if (_refused.IsFirst(address))
            LogRefused(address, certificate is null ? "no certificate" : $"a certificate for '{Printable(certificate.Subject)}' that is not of this cluster or not valid now");
        return false;
    }

    // The subject is a stranger's: it may hold anything.
    private static string Printable(string text) =>
        new([.. text.Take(100).Select(character => char.IsControl(character) ? '?' : character)]);

    [LoggerMessage(3004, LogLevel.Warning, "A caller at {Address} was refused: it has {What}; further refusals of this address are not logged")]
    private partial void LogRefused(string address, string what);
}

using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Twins.Protocol;
using Status = Grpc.Core.Status;

namespace Twins.Manager.Cluster;

/// <summary>
/// Keeps this node's certificate valid: from two thirds of its time on, the node that has the authority is asked for
/// another one, for the same key. The old one proves who asks; one that has expired can't be renewed.
/// </summary>
internal sealed partial class CertificateRenewal(
    NodeCluster cluster, NodeConnections connections, TimeProvider time, ILogger<CertificateRenewal> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromHours(6);

    /// <summary>Whether less than a third of a certificate's time is left.</summary>
    public static bool IsDue(X509Certificate2 certificate, DateTimeOffset now) =>
        (certificate.NotAfter.ToUniversalTime() - now.UtcDateTime) * 3 < certificate.NotAfter - certificate.NotBefore;

    /// <summary>Gets another certificate and goes on with it.</summary>
    /// <exception cref="ClusterException">No node that has the authority answered, or the certificate can't be used.</exception>
    public async Task RenewAsync(CancellationToken cancellationToken)
    {
        using var issued = await IssueAsync(cancellationToken).ConfigureAwait(false);
        cluster.Renew(issued);
        LogRenewed(cluster.Name, issued.NotAfter);
    }

    /// <summary>The answer to a member's <c>RenewCertificate</c>. For the NodeApi service.</summary>
    /// <exception cref="RpcException">UNIMPLEMENTED: this node hasn't the authority. INVALID_ARGUMENT: what was sent is no request.</exception>
    public RenewCertificateReply Answer(RenewCertificateRequest request, ServerCallContext context)
    {
        if (cluster.Authority is not { } authority)
            throw new RpcException(new Status(StatusCode.Unimplemented, $"Node '{cluster.Name}' has not the cluster's authority."));
        using var issued = authority.Issue(context.GetNodeName(), SigningRequest.ReadKey(request.SigningRequest), time);
        return new RenewCertificateReply { Certificate = ByteString.CopyFrom(issued.RawData) };
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        do
        {
            try
            {
                if (cluster.Identity is { } identity && IsDue(identity.Certificate, time.GetUtcNow()))
                    await RenewAsync(stoppingToken).ConfigureAwait(false);
            }
            catch (ClusterException exception)
            {
                LogNotRenewed(cluster.Name, exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false));
    }

    private async Task<X509Certificate2> IssueAsync(CancellationToken cancellationToken)
    {
        var identity = cluster.Identity ?? throw new ClusterException("This node is in no cluster.");
        if (cluster.Authority is { } authority)
            return authority.Issue(identity.Name, identity.Certificate.PublicKey, time);
        using var key = identity.Certificate.GetECDsaPrivateKey()!;
        var request = new RenewCertificateRequest { SigningRequest = SigningRequest.Create(identity.Name, key) };
        foreach (var member in cluster.Directory.Nodes.Where(node => node.Name != identity.Name))
        {
            try
            {
                var reply = await connections.Client(member.Name).RenewCertificateAsync(request, cancellationToken: cancellationToken);
                return X509CertificateLoader.LoadCertificate(reply.Certificate.Span);
            }
            catch (RpcException exception)
            {
                LogNotIssued(member.Name, exception.Status.Detail);
            }
            catch (System.Security.Cryptography.CryptographicException exception)
            {
                throw new ClusterException($"Node '{member.Name}' sent a certificate that can't be read: {exception.Message}", exception);
            }
        }

        throw new ClusterException("No node that has the cluster's authority answered. It is the one on which 'twins cluster init' was run.");
    }

    [LoggerMessage(3005, LogLevel.Information, "The certificate of node {Node} was renewed; it is valid until {Until}")]
    private partial void LogRenewed(string node, DateTime until);

    [LoggerMessage(3006, LogLevel.Warning, "The certificate of node {Node} is due and wasn't renewed: {Cause}")]
    private partial void LogNotRenewed(string node, string cause);

    [LoggerMessage(3007, LogLevel.Debug, "Node {Member} issued no certificate: {Cause}")]
    private partial void LogNotIssued(string member, string cause);
}

using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Twins.Protocol;

namespace Twins.Manager.Cluster;

/// <summary>The joiner's side: nothing is said before the other end has proved to be the authority that the token names.</summary>
internal static class JoinClient
{
    /// <exception cref="ClusterException">Refused, not reached, or not the authority.</exception>
    public static async Task<JoinedCluster> JoinAsync(
        JoinToken token, string node, string address, TimeSpan deadline, CancellationToken cancellationToken)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var foreign = false;
        using var handler = new SocketsHttpHandler
        {
            ConnectTimeout = deadline,
            UseProxy = false,
            SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls13,
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                {
                    var pinned = certificate is not null
                        && CryptographicOperations.FixedTimeEquals(SHA256.HashData(certificate.GetRawCertData()), token.Fingerprint);
                    foreign |= !pinned;
                    return pinned;
                },
            },
        };
        using var channel = GrpcChannel.ForAddress($"https://{token.Address}", new GrpcChannelOptions { HttpHandler = handler });
        try
        {
            var reply = await new JoinApi.JoinApiClient(channel).JoinAsync(
                new JoinRequest
                {
                    Secret = ByteString.CopyFrom(token.Secret), Node = node, Address = address, SigningRequest = SigningRequest.Create(node, key),
                },
                deadline: DateTime.UtcNow + deadline,
                cancellationToken: cancellationToken);
            return Accept(reply, token, node, key);
        }
        catch (RpcException exception) when (foreign)
        {
            throw new ClusterException($"{token.Address} is not the node that the token is of: its certificate is another. Get a new token.", exception);
        }
        catch (RpcException exception) when (exception.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
        {
            throw new ClusterException(
                $"{token.Address} can't be reached: {exception.Status.Detail} Check that twinsd runs there and that the port is open.", exception);
        }
        catch (RpcException exception)
        {
            throw new ClusterException($"{token.Address} refused: {exception.Status.Detail}", exception);
        }
    }

    private static JoinedCluster Accept(JoinReply reply, JoinToken token, string node, ECDsa key)
    {
        try
        {
            var authority = X509CertificateLoader.LoadCertificate(reply.CaCertificate.Span);
            using var issued = X509CertificateLoader.LoadCertificate(reply.Certificate.Span);
            if (!CryptographicOperations.FixedTimeEquals(SHA256.HashData(authority.RawData), token.Fingerprint))
                throw new ClusterException($"{token.Address} sent the certificate of another authority.");
            var identity = new ClusterIdentity(CertificatePem.ForTls(issued.CopyWithPrivateKey(key)), authority);
            if (!identity.IsTrusted || identity.Name != node)
                throw new ClusterException($"{token.Address} sent a certificate that is not for {node}, or not yet or no longer valid. Check both clocks.");
            return new JoinedCluster(identity, [.. reply.Nodes.Select(member => new KnownNodeEntry(member.Name, member.Address))]);
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            throw new ClusterException($"{token.Address} sent a certificate that can't be used: {exception.Message}", exception);
        }
    }
}

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Status = Grpc.Core.Status;

namespace Twins.Manager.Cluster;

/// <summary>What a node sends to the authority to get a certificate: PKCS #10 (RFC 2986), of which only the key counts.</summary>
internal static class SigningRequest
{
    /// <summary>A request for a node's key.</summary>
    public static ByteString Create(string node, ECDsa key) =>
        ByteString.CopyFrom(new CertificateRequest($"CN={node}", key, HashAlgorithmName.SHA256).CreateSigningRequest());

    /// <summary>The key in a request. Reading it proves that the sender has the private one.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: any other octets.</exception>
    public static PublicKey ReadKey(ByteString request)
    {
        try
        {
            var loaded = CertificateRequest.LoadSigningRequest(request.ToByteArray(), HashAlgorithmName.SHA256);
            using var key = loaded.PublicKey.GetECDsaPublicKey();
            if (key is { KeySize: 256 })
                return loaded.PublicKey;
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException or NotSupportedException)
        {
            // Told below.
        }

        throw new RpcException(new Status(StatusCode.InvalidArgument, "The signing request is none, or not for an ECDSA P-256 key."));
    }
}

using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Twins.Manager.Cluster;

/// <summary>What this node is in its cluster: its certificate with key, and the authority that it trusts. Immutable.</summary>
internal sealed class ClusterIdentity
{
    public ClusterIdentity(X509Certificate2 certificate, X509Certificate2 authority)
    {
        Certificate = certificate;
        Authority = X509CertificateLoader.LoadCertificate(authority.RawData); // without its key
        Name = NameOf(certificate) ?? throw new ClusterException("The node's certificate names no node. Join the cluster again.");
        CertificateContext = SslStreamCertificateContext.Create(certificate, [Authority], offline: true);
    }

    public string Name { get; }

    public X509Certificate2 Certificate { get; }

    public X509Certificate2 Authority { get; }

    public SslStreamCertificateContext CertificateContext { get; }

    /// <summary>Whether the certificate is of the authority and valid now.</summary>
    public bool IsTrusted
    {
        get
        {
            using var chain = new X509Chain { ChainPolicy = TrustPolicy() };
            return chain.Build(Certificate);
        }
    }

    /// <summary>The node that a certificate names: its one DNS name; null when it is no node's certificate.</summary>
    public static string? NameOf(X509Certificate2 certificate)
    {
        try
        {
            var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(extension => extension.EnumerateDnsNames()).ToArray();
            return names is [var name] && NodeName.IsValid(name) ? name : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <exception cref="ClusterException">The files are damaged.</exception>
    public static ClusterIdentity? Load(ClusterFiles files)
    {
        if (files.Read(ClusterFiles.NodeCertificate) is not { } certificate
            || files.Read(ClusterFiles.NodeKey) is not { } key
            || files.Read(ClusterFiles.AuthorityCertificate) is not { } authority)
        {
            return null;
        }

        return new ClusterIdentity(
            CertificatePem.Parse(certificate, key, files.Directory), CertificatePem.Parse(authority, null, files.Directory));
    }

    /// <summary>Writes the node's files; the certificate last, because it makes the others count.</summary>
    public void Save(ClusterFiles files)
    {
        files.Write(ClusterFiles.AuthorityCertificate, Authority.ExportCertificatePem());
        files.Write(ClusterFiles.NodeKey, CertificatePem.Key(Certificate));
        files.Write(ClusterFiles.NodeCertificate, Certificate.ExportCertificatePem());
    }

    /// <summary>The same node with a newer certificate for the same key.</summary>
    /// <exception cref="ClusterException">The certificate is for another key or node, of another authority, or not valid now.</exception>
    public ClusterIdentity With(X509Certificate2 renewed)
    {
        try
        {
            using var key = Certificate.GetECDsaPrivateKey()!;
            var identity = new ClusterIdentity(CertificatePem.ForTls(renewed.CopyWithPrivateKey(key)), Authority);
            if (identity.Name == Name && identity.IsTrusted)
                return identity;
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            throw new ClusterException($"The new certificate can't be used: {exception.Message}", exception);
        }

        throw new ClusterException($"The new certificate isn't for {Name}, or not valid now. Check the clocks of both nodes.");
    }

    /// <summary>Trust in our authority and in nothing else: no system roots, nothing fetched.</summary>
    public X509ChainPolicy TrustPolicy()
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            VerificationFlags = X509VerificationFlags.NoFlag,
        };
        policy.CustomTrustStore.Add(Authority);
        return policy;
    }
}

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Twins.Manager.Cluster;

/// <summary>The cluster's certificate authority. Its key never leaves the node that made it, so that node answers joins.</summary>
internal sealed class ClusterAuthority : IDisposable
{
    public static readonly TimeSpan AuthorityLifetime = TimeSpan.FromDays(3650);
    public static readonly TimeSpan NodeLifetime = TimeSpan.FromDays(365);

    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1"; // RFC 5280, 4.2.1.12
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    // Clocks of two nodes differ a little; a certificate must not be refused for being minutes too young.
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(10);

    private ClusterAuthority(X509Certificate2 certificate) => Certificate = certificate;

    /// <summary>The authority's certificate with its key.</summary>
    public X509Certificate2 Certificate { get; }

    public static string Fingerprint(X509Certificate2 certificate) => certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant();

    public static ClusterAuthority Create(TimeProvider time)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var name = $"CN=Twins cluster {Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));

        // Digital signature: the join endpoint proves itself with this very certificate, whose hash the token carries.
        request.CertificateExtensions.Add(new X509KeyUsageExtension(
            X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign | X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        var now = time.GetUtcNow();
        return new ClusterAuthority(request.CreateSelfSigned(now - ClockTolerance, now + AuthorityLifetime));
    }

    /// <summary>The authority in the files; null when it is another node's, or there is no cluster.</summary>
    /// <exception cref="ClusterException">The files are damaged.</exception>
    public static ClusterAuthority? Load(ClusterFiles files) =>
        files.Read(ClusterFiles.AuthorityCertificate) is { } certificate && files.Read(ClusterFiles.AuthorityKey) is { } key
            ? new ClusterAuthority(CertificatePem.Parse(certificate, key, files.Directory))
            : null;

    public void Save(ClusterFiles files)
    {
        files.Write(ClusterFiles.AuthorityKey, CertificatePem.Key(Certificate));
        files.Write(ClusterFiles.AuthorityCertificate, Certificate.ExportCertificatePem());
    }

    /// <summary>A certificate for a node with this public key: for both ends of a connection, named by DNS name and CN.</summary>
    public X509Certificate2 Issue(string nodeName, PublicKey publicKey, TimeProvider time)
    {
        var now = time.GetUtcNow();
        DateTimeOffset first = Certificate.NotBefore;
        DateTimeOffset last = Certificate.NotAfter;
        var start = now - ClockTolerance;
        var end = now + NodeLifetime;
        return Issue(nodeName, publicKey, start > first ? start : first, end < last ? end : last);
    }

    /// <summary>As above, for a time that lies within the authority's own.</summary>
    internal X509Certificate2 Issue(string nodeName, PublicKey publicKey, DateTimeOffset start, DateTimeOffset end)
    {
        var request = new CertificateRequest(new X500DistinguishedName($"CN={nodeName}"), publicKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            [new Oid(ServerAuthentication), new Oid(ClientAuthentication)], critical: true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(nodeName);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, true, false));
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)((serial[0] & 0x7F) | 0x40); // positive and without leading zeros (RFC 5280, 4.1.2.2)
        return request.Create(Certificate, start, end, serial);
    }

    public void Dispose() => Certificate.Dispose();
}

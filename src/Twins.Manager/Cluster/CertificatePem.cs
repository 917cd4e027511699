using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Twins.Manager.Cluster;

/// <summary>Certificates and keys as the files have them.</summary>
internal static class CertificatePem
{
    /// <exception cref="ClusterException">The texts are no certificate and key, or not of each other.</exception>
    public static X509Certificate2 Parse(string certificate, string? key, string where)
    {
        try
        {
            return key is null ? X509Certificate2.CreateFromPem(certificate) : ForTls(X509Certificate2.CreateFromPem(certificate, key));
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            throw new ClusterException(
                $"A certificate or key in {where} is damaged: {exception.Message} Move the directory aside and join the cluster again.", exception);
        }
    }

    /// <summary>A certificate with a key that this system's TLS can use: Schannel takes none that is in this program's memory only.</summary>
    public static X509Certificate2 ForTls(X509Certificate2 certificate)
    {
        if (!OperatingSystem.IsWindows())
            return certificate;
        using (certificate)
            return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null, X509KeyStorageFlags.Exportable);
    }

    public static string Key(X509Certificate2 certificate)
    {
        using var key = certificate.GetECDsaPrivateKey() ?? throw new ArgumentException("The certificate has no ECDSA key.", nameof(certificate));
        return key.ExportPkcs8PrivateKeyPem();
    }
}

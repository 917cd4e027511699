using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Twins.Manager.Cluster;

/// <summary>
/// What a joiner is given: where to go, whom to trust, and a one-time secret. Text form: base64url of one octet version,
/// 32 octets SHA-256 of the authority's certificate, 32 octets secret, then host:port in ASCII.
/// </summary>
internal sealed record JoinToken(string Address, byte[] Fingerprint, byte[] Secret)
{
    public const int SecretBytes = 32;

    private const byte Version = 1;
    private const int FingerprintBytes = SHA256.HashSizeInBytes;
    private const int HeaderBytes = 1 + FingerprintBytes + SecretBytes;
    private const int MostAddressBytes = 255;

    public static bool TryParse(string? text, out JoinToken? token)
    {
        token = null;
        if (text is null || text.Length > 2 * (HeaderBytes + MostAddressBytes) || !Base64Url.IsValid(text))
            return false;
        var bytes = Base64Url.DecodeFromChars(text);
        if (bytes.Length <= HeaderBytes || bytes.Length > HeaderBytes + MostAddressBytes || bytes[0] != Version)
            return false;
        var address = Encoding.ASCII.GetString(bytes, HeaderBytes, bytes.Length - HeaderBytes);
        if (!NodeAddress.TryParse(address, out _, out _))
            return false;
        token = new JoinToken(address, bytes[1..(1 + FingerprintBytes)], bytes[(1 + FingerprintBytes)..HeaderBytes]);
        return true;
    }

    /// <summary>The text that the user carries to the joiner. A secret: not for logs.</summary>
    public string Encode() => Base64Url.EncodeToString([Version, .. Fingerprint, .. Secret, .. Encoding.ASCII.GetBytes(Address)]);

    /// <summary>Tells nothing of the secret.</summary>
    public override string ToString() => $"token for {Address}";
}

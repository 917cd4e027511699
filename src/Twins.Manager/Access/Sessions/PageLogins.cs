using System.Security.Cryptography;
using System.Text;

namespace Twins.Manager.Access.Sessions;

/// <summary>Logins that were given out and not used: each is good once, for a minute, for the rights of who asked. Only hashes are kept. Thread safe.</summary>
internal sealed class PageLogins(TimeProvider time)
{
    public const int Most = 32;

    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(60);

    private const int SecretBytes = 32;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (string User, bool IsAdmin, DateTimeOffset Expires)> _logins = [];

    /// <summary>Makes one. When too many are out, the oldest is void.</summary>
    /// <returns>The code, which is secret: URL-safe characters.</returns>
    public string Create(string user, bool isAdmin, out DateTimeOffset expires)
    {
        var code = NewSecret();
        expires = time.GetUtcNow() + Lifetime;
        lock (_lock)
        {
            RemoveOld();
            if (_logins.Count >= Most)
                _logins.Remove(_logins.MinBy(login => login.Value.Expires).Key);
            _logins[HashOf(code)] = (user, isAdmin, expires);
        }

        return code;
    }

    /// <summary>Uses a code up.</summary>
    /// <returns>Whose it was; null: it was used before, is too old, or was never given.</returns>
    public (string User, bool IsAdmin)? TryUse(string code)
    {
        lock (_lock)
        {
            RemoveOld();
            return _logins.Remove(HashOf(code), out var login) ? (login.User, login.IsAdmin) : null;
        }
    }

    /// <summary>256 random bits as text for URLs and headers.</summary>
    public static string NewSecret() => System.Buffers.Text.Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes));

    // What is looked up is the hash: how long that takes tells nothing of the secret.
    public static string HashOf(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    private void RemoveOld()
    {
        var now = time.GetUtcNow();
        foreach (var old in _logins.Where(login => login.Value.Expires <= now).Select(login => login.Key).ToList())
            _logins.Remove(old);
    }
}

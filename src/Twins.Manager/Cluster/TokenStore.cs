using System.Security.Cryptography;
using System.Text.Json;

namespace Twins.Manager.Cluster;

/// <summary>Join tokens that were given out and not used. Only hashes of the secrets are kept. Thread safe.</summary>
internal sealed class TokenStore(ClusterFiles files, TimeProvider time)
{
    public const int MostTokens = 100;

    private readonly Lock _lock = new();

    /// <summary>Makes a secret that is good once, until it expires.</summary>
    /// <exception cref="ClusterException">Too many tokens are out.</exception>
    public byte[] Create(TimeSpan lifetime, out DateTimeOffset expires)
    {
        var secret = RandomNumberGenerator.GetBytes(JoinToken.SecretBytes);
        lock (_lock)
        {
            var tokens = Load();
            if (tokens.Count >= MostTokens)
                throw new ClusterException($"{MostTokens} join tokens are out and unused; wait until some expire.");
            expires = time.GetUtcNow() + lifetime;
            tokens.Add(new StoredToken(SHA256.HashData(secret), expires));
            Save(tokens);
        }

        return secret;
    }

    /// <summary>Whether the secret is good now; it stays so.</summary>
    public bool IsGood(ReadOnlySpan<byte> secret)
    {
        var hash = SHA256.HashData(secret);
        lock (_lock)
            return IndexOf(Load(), hash) >= 0;
    }

    /// <summary>Uses a secret up. True once per secret at most; it is gone from the disk when the call returns.</summary>
    public bool TryUse(ReadOnlySpan<byte> secret)
    {
        var hash = SHA256.HashData(secret);
        lock (_lock)
        {
            var tokens = Load();
            var index = IndexOf(tokens, hash);
            if (index < 0)
                return false;
            tokens.RemoveAt(index);
            Save(tokens);
            return true;
        }
    }

    // Looks at every token, whatever matches: the time tells nothing.
    private static int IndexOf(List<StoredToken> tokens, byte[] hash)
    {
        var found = -1;
        for (var index = 0; index < tokens.Count; index++)
        {
            if (CryptographicOperations.FixedTimeEquals(tokens[index].Hash, hash))
                found = index;
        }

        return found;
    }

    /// <summary>Tokens that have not expired.</summary>
    private List<StoredToken> Load()
    {
        try
        {
            var tokens = JsonSerializer.Deserialize(files.Read(ClusterFiles.Tokens) ?? "[]", StateJson.Default.ListStoredToken) ?? [];
            tokens.RemoveAll(token => token.Hash is null || token.Expires <= time.GetUtcNow());
            return tokens;
        }
        catch (JsonException)
        {
            return []; // A damaged file lets nobody in; new tokens can be made.
        }
    }

    private void Save(List<StoredToken> tokens) => files.Write(ClusterFiles.Tokens, JsonSerializer.Serialize(tokens, StateJson.Default.ListStoredToken));
}

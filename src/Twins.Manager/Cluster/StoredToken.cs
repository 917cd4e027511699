namespace Twins.Manager.Cluster;

/// <summary>A join token that is out.</summary>
/// <param name="Hash">SHA-256 of its secret.</param>
/// <param name="Expires">When it stops being good.</param>
internal sealed record StoredToken(byte[] Hash, DateTimeOffset Expires);

namespace Twins.Manager.Cluster;

/// <summary>A member of the cluster: its name and host:port of its node API.</summary>
internal sealed record KnownNodeEntry(string Name, string Address);

namespace Twins.Manager.Cluster;

/// <summary>What a joiner got: its identity and the members.</summary>
internal sealed record JoinedCluster(ClusterIdentity Identity, IReadOnlyList<KnownNodeEntry> Nodes);

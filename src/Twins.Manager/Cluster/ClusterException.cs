namespace Twins.Manager.Cluster;

/// <summary>A cluster command can't be carried out; the message names cause and remedy.</summary>
internal sealed class ClusterException(string message, Exception? inner = null) : Exception(message, inner);

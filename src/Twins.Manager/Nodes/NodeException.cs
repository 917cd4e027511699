namespace Twins.Manager.Nodes;

/// <summary>A node that refused a call, or can't be reached.</summary>
internal sealed class NodeException(string node, string code, string message, bool unreachable = false, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>The node's name.</summary>
    public string Node { get; } = node;

    /// <summary>Stable, kebab-case: pid-taken, file-missing, stale-epoch, node-unreachable, ...</summary>
    public string Code { get; } = code;

    /// <summary>The node may or may not have carried out the call.</summary>
    public bool Unreachable { get; } = unreachable;
}

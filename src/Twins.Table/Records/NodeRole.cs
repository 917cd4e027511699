namespace Twins.Table;

/// <summary>What the node that keeps a record is to the process.</summary>
public enum NodeRole
{
    /// <summary>Its endpoints are bound to this node's addresses.</summary>
    Home,

    /// <summary>It is a guest here, in a cabin.</summary>
    Host,
}

namespace Twins.Table;

/// <summary>What a node knows of a mobile process.</summary>
public enum ProcessState
{
    /// <summary>It runs on this node.</summary>
    Running,

    /// <summary>Its packets are held here on somebody's order; no migration of ours is under way.</summary>
    Held,

    /// <summary>A migration is under way and not decided.</summary>
    Migrating,

    /// <summary>It runs elsewhere; this node is its home and keeps what its twin needs.</summary>
    Redirected,

    /// <summary>Whether the destination committed is unknown; the original stays frozen, its packets held.</summary>
    InDoubt,

    /// <summary>It ended.</summary>
    Exited,
}

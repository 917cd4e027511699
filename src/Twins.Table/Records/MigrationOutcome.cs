namespace Twins.Table;

/// <summary>How a migration stands.</summary>
public enum MigrationOutcome
{
    /// <summary>Under way, not decided.</summary>
    Running,

    /// <summary>This node can't learn what the destination decided.</summary>
    InDoubt,

    /// <summary>The process runs on the destination. Final.</summary>
    Committed,

    /// <summary>Given up before the commit point, as the destination sees it. Final.</summary>
    Aborted,

    /// <summary>The process runs on at the source. Final.</summary>
    RolledBack,
}

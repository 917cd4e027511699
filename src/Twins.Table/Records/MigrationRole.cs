namespace Twins.Table;

/// <summary>What a node is to a migration.</summary>
public enum MigrationRole
{
    /// <summary>The process leaves it.</summary>
    Source,

    /// <summary>The process arrives at it; its decision is the migration's outcome.</summary>
    Destination,

    /// <summary>Neither, but the process's packets pass through it.</summary>
    Home,
}

namespace Twins.Table;

/// <summary>What a write to the table came to.</summary>
public enum TableOutcome
{
    /// <summary>Written, and on disk as the operation promises.</summary>
    Done,

    /// <summary>No such process or migration. Nothing was changed.</summary>
    NotFound,

    /// <summary>The caller's epoch is not the table's: somebody moved the process since. Nothing was changed.</summary>
    StaleEpoch,

    /// <summary>Another process of this node has the name. Nothing was changed.</summary>
    NameTaken,

    /// <summary>The process or the migration is in the table already. Nothing was changed.</summary>
    Exists,

    /// <summary>The migration was decided otherwise before. Nothing was changed.</summary>
    AlreadyDecided,
}

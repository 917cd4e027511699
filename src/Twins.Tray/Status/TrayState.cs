namespace Twins.Tray.Status;

/// <summary>What the icon shows.</summary>
internal enum TrayState
{
    /// <summary>All is well.</summary>
    Running,

    /// <summary>A process moves, or is held for a move.</summary>
    Migrating,

    /// <summary>Somebody should look: in doubt, a node that can't be reached, a pause, no rights.</summary>
    Trouble,

    /// <summary><c>twinsd</c> doesn't answer.</summary>
    Down,
}

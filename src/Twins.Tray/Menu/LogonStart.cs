namespace Twins.Tray.Menu;

/// <summary>Whether the tray starts when a user logs on.</summary>
internal enum LogonStart
{
    No,

    /// <summary>For this user, who can change it.</summary>
    ThisUser,

    /// <summary>For everybody, by the installer.</summary>
    AllUsers,
}

namespace Twins.Tray.Menu;

/// <summary>What can be chosen; the numbers are the identifiers of the menu's items.</summary>
internal enum MenuCommand
{
    /// <summary>Words only, or a line between.</summary>
    None = 0,
    OpenPage = 1,
    Pause = 2,
    Resume = 3,
    Capture = 4,
    ViewLog = 5,
    StartAtLogon = 6,
    Quit = 7,

    /// <summary>The first of the processes shown; those that follow have the next numbers.</summary>
    ShowProcess = 100,
}

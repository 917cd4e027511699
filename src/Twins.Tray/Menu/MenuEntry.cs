namespace Twins.Tray.Menu;

/// <summary>An item of the menu.</summary>
/// <param name="Identifier">A <see cref="MenuCommand"/>, of processes the first one's and up; 0: nothing happens.</param>
/// <param name="Text">As the system takes it: an ampersand comes before the letter that chooses it. Empty: a line between.</param>
/// <param name="IsEnabled">Whether it can be chosen.</param>
/// <param name="IsChecked">Whether it has a mark.</param>
/// <param name="Process">The process's name, for one of those.</param>
internal sealed record MenuEntry(int Identifier, string Text, bool IsEnabled = true, bool IsChecked = false, string Process = "")
{
    /// <summary>A line between.</summary>
    public static MenuEntry Line { get; } = new(0, "");

    public MenuEntry(MenuCommand command, string text, bool isEnabled = true, bool isChecked = false)
        : this((int)command, text, isEnabled, isChecked)
    {
    }
}

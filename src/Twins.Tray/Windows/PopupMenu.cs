using System.ComponentModel;
using Twins.Tray.Menu;

namespace Twins.Tray.Windows;

/// <summary>Shows a menu; what is chosen comes to the window as WM_COMMAND.</summary>
internal static class PopupMenu
{
    /// <summary>Until it is closed.</summary>
    public static void Show(nint window, IReadOnlyList<MenuEntry> entries, int x, int y)
    {
        var menu = Native.CreatePopupMenu();
        if (menu == 0)
            throw new Win32Exception();
        try
        {
            foreach (var entry in entries)
            {
                var flags = entry.Text.Length == 0 ? Native.MenuSeparator
                    : (entry.IsEnabled ? 0 : Native.MenuGrayed) | (entry.IsChecked ? Native.MenuChecked : 0);
                if (!Native.AppendMenu(menu, flags, entry.Identifier, entry.Text.Length == 0 ? null : entry.Text))
                    throw new Win32Exception();
            }

            // What a click on the icon does.
            _ = Native.SetMenuDefaultItem(menu, (uint)MenuCommand.OpenPage, 0);
            // A menu of a window in the background doesn't close when the user clicks elsewhere; nor does the next one, without a message
            // after it (TrackPopupMenuEx, remarks).
            _ = Native.SetForegroundWindow(window);
            var side = Native.GetSystemMetrics(Native.MenuDropAlignment) != 0 ? Native.MenuRightAlign : 0;
            _ = Native.TrackPopupMenuEx(menu, Native.MenuRightButton | Native.MenuBottomAlign | side, x, y, window, 0);
            _ = Native.PostMessage(window, Native.WmNull, 0, 0);
        }
        finally
        {
            _ = Native.DestroyMenu(menu);
        }
    }
}

using System.ComponentModel;
using System.Diagnostics;

namespace Twins.Cli.Windows;

/// <summary>The user's browser.</summary>
internal static class Browser
{
    /// <summary>
    /// Has the desktop open an address, not this program: that may be elevated, and the browser would be too. Nothing is known of what
    /// comes of it.
    /// </summary>
    /// <param name="address">An HTTP address, without quotes.</param>
    /// <returns>Whether the desktop could be asked.</returns>
    public static bool Open(string address)
    {
        var explorer = new ProcessStartInfo(Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.Windows), "explorer.exe"))
        {
            // Without the quotes it takes a question mark for a part of a file's name.
            Arguments = $"\"{address}\"",
            UseShellExecute = false,
        };
        try
        {
            using Process? asked = Process.Start(explorer);
            return asked is not null;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}

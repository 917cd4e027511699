using System.ComponentModel;
using Twins.Tray.Menu;

namespace Twins.Tray.Windows;

/// <summary>Starts what the menu asks for, in windows of its own.</summary>
/// <param name="cli">Path of <c>twins.exe</c>.</param>
internal sealed class Launcher(string cli)
{
    private const string Elevated = "runas";

    /// <summary>The CLI in a console that stays open.</summary>
    /// <exception cref="Win32Exception">It can't be started.</exception>
    /// <exception cref="ArgumentException">See <see cref="ConsoleCommand"/>.</exception>
    public void OpenConsole(params string[] arguments) => Run(null, SystemProgram("cmd.exe"), ConsoleCommand.Build(cli, arguments));

    /// <summary>The same with an administrator's rights, for which Windows asks unless this program has them.</summary>
    /// <exception cref="Win32Exception">It can't be started.</exception>
    public void OpenElevatedConsole(params string[] arguments) => Run(Elevated, SystemProgram("cmd.exe"), ConsoleCommand.Build(cli, arguments));

    /// <summary>In the user's browser. The address has a login in it, which other programs of this user can see, as they could the page's.</summary>
    /// <exception cref="Win32Exception">There is none, or it can't be started.</exception>
    public static void OpenPage(Uri url) => Run(null, url.AbsoluteUri, null);

    /// <summary>The event log of applications, where the service writes.</summary>
    /// <exception cref="Win32Exception">It can't be started.</exception>
    public static void OpenEventLog() => Run(null, SystemProgram("eventvwr.exe"), "/c:Application");

    private static string SystemProgram(string name) => Path.Combine(Environment.SystemDirectory, name);

    private static void Run(string? verb, string file, string? arguments)
    {
        var result = Native.ShellExecute(0, verb, file, arguments, null, Native.ShowNormal);
        if (result > 32 || (verb is not null && result == Native.ElevationDenied))
            return;
        // The result is one of the error codes of 16-bit Windows, of which most are those of today.
        throw new Win32Exception((int)result);
    }
}

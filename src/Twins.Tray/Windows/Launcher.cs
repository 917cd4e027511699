using System.ComponentModel;
using System.Diagnostics;
using Twins.Tray.Menu;

namespace Twins.Tray.Windows;

/// <summary>Starts what the menu asks for, in windows of its own.</summary>
/// <param name="cli">Path of <c>twins.exe</c>.</param>
internal sealed class Launcher(string cli)
{
    private const string Open = "open";
    private const string Elevated = "runas";
    private const int Cancelled = 1223; // ERROR_CANCELLED

    /// <summary>The CLI in a console that stays open.</summary>
    /// <exception cref="Win32Exception">It can't be started.</exception>
    /// <exception cref="ArgumentException">See <see cref="ConsoleCommand"/>.</exception>
    public void OpenConsole(params string[] arguments) => Run(Open, SystemProgram("cmd.exe"), ConsoleCommand.Build(cli, arguments));

    /// <summary>The same with an administrator's rights, for which Windows asks unless this program has them.</summary>
    /// <exception cref="Win32Exception">It can't be started.</exception>
    public void OpenElevatedConsole(params string[] arguments) => Run(Elevated, SystemProgram("cmd.exe"), ConsoleCommand.Build(cli, arguments));

    /// <summary>In the user's browser. The address has a login in it, which other programs of this user can see, as they could the page's.</summary>
    /// <exception cref="Win32Exception">There is none, or it can't be started.</exception>
    public static void OpenPage(Uri url) => Run(Open, url.AbsoluteUri, "");

    /// <summary>The event log of applications, where the service writes.</summary>
    /// <exception cref="Win32Exception">It can't be started.</exception>
    public static void OpenEventLog() => Run(Open, SystemProgram("eventvwr.exe"), "/c:Application");

    private static string SystemProgram(string name) => Path.Combine(Environment.SystemDirectory, name);

    private static void Run(string verb, string file, string arguments)
    {
        try
        {
            // .NET asks the shell on a thread as it wants it.
            using var started = Process.Start(new ProcessStartInfo(file, arguments) { Verb = verb, UseShellExecute = true });
        }
        catch (Win32Exception e) when (e.NativeErrorCode == Cancelled)
        {
            // Whoever was asked for an administrator said no.
        }
    }
}

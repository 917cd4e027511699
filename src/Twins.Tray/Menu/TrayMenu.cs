using System.Globalization;
using Twins.Protocol;
using Twins.Tray.Node;
using Twins.Tray.Status;

namespace Twins.Tray.Menu;

/// <summary>The menu of the icon. What a user may not do is offered too: <c>twinsd</c> refuses it, or Windows asks for an administrator.</summary>
internal static class TrayMenu
{
    private const int MostProcesses = 12;

    public static IReadOnlyList<MenuEntry> Build(NodeView view, LogonStart logonStart)
    {
        var isConnected = view.Link == NodeLink.Connected;
        List<MenuEntry> menu = [new(MenuCommand.None, Escape(TrayStatus.Of(view).Summary), isEnabled: false)];
        if (view.Detail.Length > 0)
            menu.Add(new MenuEntry(MenuCommand.None, Escape(view.Detail), isEnabled: false));
        menu.AddRange(Processes(view));
        menu.AddRange(
        [
            MenuEntry.Line,
            new(MenuCommand.OpenPage, "&Open admin page", isConnected),
            view.IsPaused ? new(MenuCommand.Resume, "&Resume redirecting", isConnected) : new(MenuCommand.Pause, "&Pause redirecting...", isConnected),
            new(MenuCommand.Capture, "Start &capture", isConnected),
            // What it has logged before it ended, the event log has.
            new(MenuCommand.ViewLog, "View &log"),
            MenuEntry.Line,
            new(MenuCommand.StartAtLogon, logonStart == LogonStart.AllUsers ? "&Start at logon (set for all users)" : "&Start at logon",
                logonStart != LogonStart.AllUsers, logonStart != LogonStart.No),
            new(MenuCommand.Quit, "&Quit"),
        ]);
        return menu;
    }

    private static IEnumerable<MenuEntry> Processes(NodeView view)
    {
        var processes = view.Processes;
        if (processes.Count > 0)
            yield return MenuEntry.Line;
        for (var i = 0; i < Math.Min(processes.Count, MostProcesses); i++)
            yield return new MenuEntry((int)MenuCommand.ShowProcess + i, Escape(Describe(processes[i])), Process: processes[i].Name);
        if (processes.Count > MostProcesses)
            yield return new MenuEntry(MenuCommand.None, string.Create(CultureInfo.InvariantCulture, $"and {processes.Count - MostProcesses} more, see the admin page"), isEnabled: false);
    }

    private static string Describe(ProcessInfo process)
    {
        var where = process.State switch
        {
            "running" => $"runs on {process.Node}",
            "migrating" => $"is leaving {process.Node}",
            "held" => $"is held on {process.Node}",
            "in-doubt" => "is in doubt",
            _ => $"{process.State} on {process.Node}",
        };
        var connections = process.Connections == 1 ? "1 connection" : string.Create(CultureInfo.InvariantCulture, $"{process.Connections} connections");
        return $"{process.Name} {where}, {connections}{(process.PausedUntilUnixMilliseconds > 0 ? ", paused" : "")}";
    }

    private static string Escape(string text) => text.Replace("&", "&&", StringComparison.Ordinal);
}

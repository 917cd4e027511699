using System.Globalization;
using Spectre.Console;
using Twins.Protocol;

namespace Twins.Cli.Output;

/// <summary>One process in full, for people.</summary>
internal static class ProcessView
{
    public static void Write(IAnsiConsole console, ProcessInfo process)
    {
        Grid grid = new Grid().AddColumns(2);
        Add(grid, "name", process.Name);
        Add(grid, "pid", Text(process.Pid));
        Add(grid, "runs on", process.Node);
        Add(grid, "home", process.Home);
        Add(grid, "state", process.State);
        Add(grid, "note", process.Note);
        Add(grid, "epoch", Text(process.Epoch));
        Add(grid, "executable", process.Executable);
        Add(grid, "twin", process.TwinPid == 0 ? "" : Text(process.TwinPid));
        Add(grid, "path", process.Path);
        Add(grid, "cabin", process.Cabin);
        Add(grid, "held", Traffic(process.HeldPackets, process.HeldBytes));
        Add(grid, "redirected", Traffic(process.RedirectedPackets, process.RedirectedBytes));
        Add(grid, "zero windows", process.ZeroWindows == 0 ? "" : Text(process.ZeroWindows));
        AddDrops(grid, process.Drops, "");
        AddDrops(grid, process.TwinDrops, " (by this twin, for no process that it has)");
        AddDrops(grid, process.NodeDrops, " (by this node's kernel rules, for whichever process)");
        console.Write(grid);
        WriteEndpoints(console, process);
        WriteHistory(console, process);
    }

    private static void WriteEndpoints(IAnsiConsole console, ProcessInfo process)
    {
        if (process.Endpoints.Count == 0)
            return;
        Table table = new Table().Border(TableBorder.Simple)
            .AddColumns("protocol", "local", "remote", "role", "home", "state");
        foreach (EndpointInfo endpoint in process.Endpoints)
        {
            table.AddRow(
                Markup.Escape(endpoint.Protocol), Markup.Escape(endpoint.Local), Markup.Escape(endpoint.Remote),
                Markup.Escape(endpoint.Role), Markup.Escape(endpoint.Home), Markup.Escape(endpoint.State));
        }
        console.Write(table);
    }

    private static void WriteHistory(IAnsiConsole console, ProcessInfo process)
    {
        if (process.History.Count == 0)
            return;
        Table table = new Table().Border(TableBorder.Simple)
            .AddColumns("started", "from", "to", "epoch", "outcome", "message");
        foreach (HistoryDocument move in Documents.DetailOf(process).History)
        {
            table.AddRow(
                move.Started, Markup.Escape(move.From), Markup.Escape(move.To), Text(move.Epoch),
                Markup.Escape(move.Outcome), Markup.Escape(move.Message));
        }
        console.Write(table);
    }

    private static void AddDrops(Grid grid, IEnumerable<KeyValuePair<string, ulong>> drops, string whose)
    {
        foreach ((string reason, ulong count) in drops.OrderBy(drop => drop.Key, StringComparer.Ordinal))
            Add(grid, "dropped", $"{Text(count)} {reason}{whose}");
    }

    private static void Add(Grid grid, string key, string value)
    {
        if (value.Length > 0)
            grid.AddRow(Markup.Escape(key), Markup.Escape(value));
    }

    private static string Traffic(ulong packets, ulong bytes) =>
        packets == 0 ? "" : $"{Text(packets)} packets, {Text(bytes)} bytes";

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}

using System.Globalization;
using Spectre.Console;
using Twins.Cli.Demo.Load;
using Twins.Cli.Output;

namespace Twins.Cli.Demo;

/// <summary>What people see of the demo: the machines while it runs, tables at its end.</summary>
internal static class DemoView
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    /// <summary>Shows the machines until the work is done.</summary>
    public static async Task FollowAsync(IAnsiConsole console, DemoState state, Task work)
    {
        await console.Live(Draw(state)).AutoClear(true).StartAsync(async live =>
        {
            while (!work.IsCompleted)
            {
                live.UpdateTarget(Draw(state));
                live.Refresh();
                await Task.WhenAny(work, Task.Delay(Interval));
            }
        });
    }

    /// <summary>The tables at the end.</summary>
    public static void Conclude(IAnsiConsole console, DemoDocument demo)
    {
        if (demo.WithoutTwins is { } without)
        {
            console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"Without Twins: {without.Program} moved from {without.From} to {without.To} with its {without.KeysMoved} keys; its client, {without.Milliseconds:0} ms after the checkpoint began: {without.ClientError}"));
        }
        if (demo.Moves.Count > 0)
        {
            console.WriteLine("With Twins (ms; silence is the client's longest wait for bytes):");
            console.Write(Moves(demo.Moves));
        }
        if (demo.Clients.Count > 0)
            console.Write(Clients(demo.Clients));
    }

    /// <summary>A column for each move: six of them and the names fit into 80 characters.</summary>
    private static Table Moves(IReadOnlyList<DemoMoveDocument> moves)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn("");
        foreach (DemoMoveDocument move in moves)
            table.AddColumn(new TableColumn(Markup.Escape($"{move.Name}\n{move.From} to\n{move.To}")).RightAligned());
        foreach (string name in moves.SelectMany(move => move.Phases).Select(phase => phase.Name).Distinct())
        {
            table.AddRow([name, .. moves.Select(move =>
                move.Phases.FirstOrDefault(phase => phase.Name == name) is { } phase ? MigrationView.Milliseconds(phase.Milliseconds) : "")]);
        }
        table.AddRow(["frozen", .. moves.Select(move => MigrationView.Milliseconds(move.FrozenMilliseconds))]);
        table.AddRow(["silence", .. moves.Select(move => MigrationView.Milliseconds(move.SilenceMilliseconds))]);
        table.AddRow(["packets held", .. moves.Select(move => move.HeldPackets.ToString(CultureInfo.InvariantCulture))]);
        return table;
    }

    private static Table Clients(IReadOnlyList<DemoClientDocument> clients)
    {
        Table table = new Table().Border(TableBorder.Simple)
            .AddColumns("client of", "MiB verified", "answers", "new connections", "longest silence", "errors");
        foreach (DemoClientDocument client in clients)
        {
            table.AddRow(client.Name, Mebibytes(client.VerifiedBytes), client.Exchanges.ToString(CultureInfo.InvariantCulture),
                client.NewConnections.ToString(CultureInfo.InvariantCulture),
                MigrationView.Milliseconds(client.LongestSilenceMilliseconds) + " ms",
                client.Error.Length == 0 ? "none" : Markup.Escape(client.Error));
        }
        return table;
    }

    private static Rows Draw(DemoState state)
    {
        Table machines = new Table().Border(TableBorder.Rounded).Expand();
        for (int index = 0; index < DemoLab.Nodes.Length; index++)
            machines.AddColumn(new TableColumn($"{DemoLab.Nodes[index]} 10.77.0.{index + 2}") { Width = 24 });
        machines.AddRow([.. DemoLab.Nodes.Select(name =>
            Markup.Escape(string.Join('\n', state.On(name).Concat(["", ""]).Take(2))))]);
        Table clients = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "", "", "");
        foreach (ClientProcess client in state.Clients)
        {
            if (client.Latest is { } report)
                clients.AddRow(RowOf(client.Program, report));
        }
        return new Rows(new Markup(Markup.Escape(state.Title)), machines,
            new Panel(clients).Header("peer 10.77.0.1: clients").Expand());
    }

    private static string[] RowOf(string program, ClientReport report) =>
    [
        program, $"{Mebibytes(report.VerifiedBytes)} MiB verified",
        $"longest silence {MigrationView.Milliseconds(report.LongestSilenceMilliseconds)} ms",
        report.Error.Length == 0 ? "[green]no error[/]" : $"[red]{Markup.Escape(report.Error)}[/]",
    ];

    private static string Mebibytes(long bytes) => (bytes / 1048576.0).ToString("0.0", CultureInfo.InvariantCulture);
}

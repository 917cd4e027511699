using System.Globalization;
using Spectre.Console;
using Twins.Protocol;

namespace Twins.Cli.Output;

/// <summary>A finished migration, for people.</summary>
internal static class MigrationView
{
    public static void Write(IAnsiConsole console, MigrationResult result)
    {
        console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{result.Name} ({result.Pid}) moved from {result.From} to {result.To}; {result.Connections} connections, path {result.Path}, epoch {result.Epoch}"));
        Table table = new Table().Border(TableBorder.Simple)
            .AddColumn("phase").AddColumn(new TableColumn("ms").RightAligned());
        foreach (MigrationPhase phase in result.Phases)
            table.AddRow(Markup.Escape(phase.Name), Milliseconds(phase.Milliseconds));
        console.Write(table);
        console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"frozen {Milliseconds(result.FrozenMilliseconds)} ms; held {result.HeldPackets} packets ({result.HeldBytes} bytes) for {Milliseconds(result.HoldMilliseconds)} ms; images {result.ImageBytes / 1048576.0:0.0} MiB"));
    }

    /// <summary>One decimal is enough for people.</summary>
    public static string Milliseconds(double value) => value.ToString("0.0", CultureInfo.InvariantCulture);
}

using System.Globalization;
using Spectre.Console;
using Twins.Capture;

namespace Twins.Cli.Output;

/// <summary>What a capture comes to, for people.</summary>
internal static class CaptureSummaryView
{
    public static void Write(IAnsiConsole console, TextWriter to, CaptureSummary summary, long dropped, long missed)
    {
        if (summary.Connections.Count > 0)
        {
            Table table = new Table().Border(TableBorder.Simple).AddColumns(
                "process", "connection", "to process", "to peer", "held", "rewritten", "dropped", "trouble", "longest silence", "to the peer");
            foreach (ConnectionSummary one in summary.Connections)
            {
                table.AddRow(
                    Markup.Escape(one.Process), Markup.Escape(one.Connection.ToString()),
                    Text($"{one.PacketsToProcess}, {one.BytesToProcess} B"), Text($"{one.PacketsToPeer}, {one.BytesToPeer} B"),
                    one.Held == 0 ? "" : Text($"{one.Held}, {one.Released} released"), one.Rewritten == 0 ? "" : Text($"{one.Rewritten}"),
                    Markup.Escape(Counts(one.Dropped)), Markup.Escape(Trouble(one)),
                    Text($"{one.LongestSilence.TotalMilliseconds:0.0} ms"), Text($"{one.LongestSilenceToPeer.TotalMilliseconds:0.0} ms"));
            }
            console.Write(table);
        }
        to.WriteLine(Text($"{summary.Packets} packets."));
        if (dropped > 0)
            to.WriteLine(Text($"{dropped} more came faster than they were taken; a filter or -w helps."));
        if (missed > 0)
            to.WriteLine(Text($"{missed} packets weren't shown: they came faster than this program took them."));
        if (summary.NotAddedUp > 0)
            to.WriteLine(Text($"{summary.NotAddedUp} packets belong to further connections, which aren't listed."));
    }

    private static string Trouble(ConnectionSummary one) => one.ResetBy == ResetSender.Unknown
        ? Counts(one.Trouble) : $"{Counts(one.Trouble)} (by {Words.Of(one.ResetBy)})";

    private static string Counts(IEnumerable<KeyValuePair<string, long>> counts) =>
        string.Join(", ", counts.Select(count => string.Create(CultureInfo.InvariantCulture, $"{count.Value} {count.Key}")));

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}

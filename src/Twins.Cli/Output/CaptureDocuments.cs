using System.Globalization;
using Twins.Capture;

namespace Twins.Cli.Output;

// What twins capture --json prints: {"packets":[PacketDocument, ...], and the members of CaptureEndDocument}.

internal sealed record TcpDocument(string Flags, uint Sequence, uint Acknowledgment, int Window, int PayloadBytes);

internal sealed record IcmpDocument(int Type, int Code, string About);

internal sealed record PacketDocument(
    string Time, string Process, string Connection, string Leg, string To, string Protocol, string Source, string Destination, int Bytes,
    TcpDocument? Tcp, IcmpDocument? Icmp,
    string Did, string Reason, string NextLeg, string RewrittenSource, string RewrittenDestination,
    IReadOnlyList<string> Trouble, string ResetBy, IReadOnlyList<string> Interfaces, string? Payload);

internal sealed record ConnectionSummaryDocument(
    string Process, string Connection, string First, string Last,
    long PacketsToProcess, long PacketsToPeer, long BytesToProcess, long BytesToPeer,
    long Held, long Released, long Rewritten, IReadOnlyDictionary<string, long> Dropped, IReadOnlyDictionary<string, long> Trouble, string ResetBy,
    double LongestSilenceMilliseconds, string LongestSilenceSince, double LongestSilenceToPeerMilliseconds);

internal sealed record CaptureEndDocument(
    IReadOnlyList<ConnectionSummaryDocument> Connections, long Captured, long Dropped, long Missed, string Problem);

/// <summary>Turns a capture into its document.</summary>
internal static class CaptureDocuments
{
    public static PacketDocument Of(PacketLine line, bool payload)
    {
        PacketFacts? facts = line.Facts;
        return new PacketDocument(
            Time(line.Nanoseconds), line.Label?.Process ?? "", line.Label?.Connection?.ToString() ?? "", Word(line.Label?.Leg ?? PathLeg.Unknown),
            line.Label?.Connection is null ? "" : line.Label.ToProcess ? "process" : "peer",
            facts?.Protocol.ToString().ToLowerInvariant() ?? "", PacketText.End(facts?.Source), PacketText.End(facts?.Destination), line.Length,
            facts is { IsTcp: true } ? new TcpDocument(
                PacketText.Flags(facts.Flags), facts.Sequence.Value, facts.Acknowledgment.Value, facts.Window, facts.PayloadLength) : null,
            facts is { Icmp: (> 0, _) or (_, > 0) } or { Quoted: not null } ? new IcmpDocument(facts.Icmp.Type, facts.Icmp.Code, facts.Quoted?.ToString() ?? "") : null,
            line.Verdict == TwinVerdict.None ? "" : Words.Of(line.Verdict), line.Reason, Word(line.NextLeg),
            PacketText.End(line.Rewritten?.Source), PacketText.End(line.Rewritten?.Destination),
            Words.Of(line.Marks), line.ResetBy == ResetSender.Unknown ? "" : Words.Of(line.ResetBy),
            [.. line.Frames.Select(frame => frame.Interface.Name)],
            payload ? Convert.ToBase64String(PacketText.PayloadOf(line).Span) : null);
    }

    public static CaptureEndDocument Of(CaptureSummary summary, long dropped, long missed, string problem) =>
        new([.. summary.Connections.Select(Of)], summary.Packets, dropped, missed, problem);

    private static ConnectionSummaryDocument Of(ConnectionSummary one) => new(
        one.Process, one.Connection.ToString(), Time(one.FirstNanoseconds), Time(one.LastNanoseconds),
        one.PacketsToProcess, one.PacketsToPeer, one.BytesToProcess, one.BytesToPeer,
        one.Held, one.Released, one.Rewritten, one.Dropped, one.Trouble, one.ResetBy == ResetSender.Unknown ? "" : Words.Of(one.ResetBy),
        Math.Round(one.LongestSilence.TotalMilliseconds, 3), one.LongestSilence == TimeSpan.Zero ? "" : Time(one.LongestSilenceSince),
        Math.Round(one.LongestSilenceToPeer.TotalMilliseconds, 3));

    private static string Word(PathLeg leg) => leg == PathLeg.Unknown ? "" : Words.Of(leg);

    private static string Time(long nanoseconds) => (DateTime.UnixEpoch + TimeSpan.FromTicks(nanoseconds / 100))
        .ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ", CultureInfo.InvariantCulture);
}

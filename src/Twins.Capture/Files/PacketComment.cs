using System.Text;
using Twins.Packets;

namespace Twins.Capture;

/// <summary>
/// What a file says about a packet, as one line that people and <see cref="CaptureReplay"/> read: <c>twins: did=held process=cache
/// connection=tcp/10.77.0.1:40000&lt;->10.77.0.2:6379 leg=peer-home to=process</c>.
/// </summary>
/// <param name="Process">The mobile process's name; empty: not known.</param>
/// <param name="Connection">The connection; null: not known.</param>
/// <param name="Leg">Where the packet was.</param>
/// <param name="ToProcess">Whether it goes to the process.</param>
public sealed record PacketComment(string Process, Connection? Connection, PathLeg Leg, bool ToProcess)
{
    private const string Beginning = "twins:";

    /// <summary>What the twin did.</summary>
    public TwinVerdict Verdict { get; init; }

    /// <summary>Why it was dropped.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Where it went.</summary>
    public PathLeg NextLeg { get; init; }

    /// <summary>What it was rewritten to; null: it wasn't.</summary>
    public FiveTuple? Rewritten { get; init; }

    /// <summary>For people; worked out anew when it is read.</summary>
    public TcpMarks Marks { get; init; }

    /// <inheritdoc cref="Marks"/>
    public ResetSender ResetBy { get; init; }

    /// <summary>Another frame of the packet before it in the file: its other side, or the same seen again.</summary>
    public bool IsOtherSide { get; init; }

    /// <summary>What is said about the frames of a line, the first one first; null: nothing.</summary>
    public static PacketComment? Of(PacketLine line, bool isOtherSide)
    {
        ArgumentNullException.ThrowIfNull(line);
        if (line.Label is null && line.Verdict == TwinVerdict.None && line.Marks == TcpMarks.None && !isOtherSide)
            return null;
        var label = line.Label ?? new PacketLabel("", null, PathLeg.Unknown, ToProcess: true);
        if (isOtherSide || line.IsSeenAgain)
            return new PacketComment(label.Process, label.Connection, line.NextLeg == PathLeg.Unknown ? label.Leg : line.NextLeg, label.ToProcess) { IsOtherSide = true };
        return new PacketComment(label.Process, label.Connection, label.Leg, label.ToProcess)
        {
            Verdict = line.Verdict,
            Reason = line.Reason,
            NextLeg = line.NextLeg,
            Rewritten = line.Rewritten,
            Marks = line.Marks,
            ResetBy = line.ResetBy,
        };
    }

    /// <summary>Reads a comment; false: it is another program's, or broken.</summary>
    public static bool TryParse(string text, out PacketComment comment)
    {
        ArgumentNullException.ThrowIfNull(text);
        comment = new PacketComment("", null, PathLeg.Unknown, ToProcess: true);
        if (!text.StartsWith(Beginning, StringComparison.Ordinal))
            return false;
        Endpoint? source = null, destination = null;
        foreach (var word in text[Beginning.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var (key, value) = word.IndexOf('=') is > 0 and var at ? (word[..at], word[(at + 1)..]) : (word, "");
            switch (key)
            {
                case "other-side":
                    comment = comment with { IsOtherSide = true };
                    break;
                case "process":
                    comment = comment with { Process = value };
                    break;
                case "connection" when Capture.Connection.TryParse(value, out var connection):
                    comment = comment with { Connection = connection };
                    break;
                case "leg":
                    comment = comment with { Leg = Words.Parse<PathLeg>(value) };
                    break;
                case "to":
                    comment = comment with { ToProcess = value == "process" };
                    break;
                case "did":
                    comment = comment with { Verdict = Words.Parse<TwinVerdict>(value) };
                    break;
                case "reason":
                    comment = comment with { Reason = value };
                    break;
                case "next-leg":
                    comment = comment with { NextLeg = Words.Parse<PathLeg>(value) };
                    break;
                case "source" when Endpoint.TryParse(value, out var end):
                    source = end;
                    break;
                case "destination" when Endpoint.TryParse(value, out var end):
                    destination = end;
                    break;
            }
        }

        if (source is { } from && destination is { } to)
            comment = comment with { Rewritten = new FiveTuple(comment.Connection?.Protocol ?? IpProtocol.Tcp, from, to) };
        return true;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder(Beginning);
        void Add(string key, string value)
        {
            if (value.Length > 0)
                text.Append(' ').Append(key).Append('=').Append(value);
        }

        if (IsOtherSide)
            text.Append(" other-side");
        Add("did", Verdict == TwinVerdict.None ? "" : Words.Of(Verdict));
        Add("reason", Reason);
        Add("process", Process);
        Add("connection", Connection?.ToString() ?? "");
        Add("leg", Leg == PathLeg.Unknown ? "" : Words.Of(Leg));
        if (Connection is not null)
            Add("to", ToProcess ? "process" : "peer");
        Add("next-leg", NextLeg == PathLeg.Unknown ? "" : Words.Of(NextLeg));
        Add("source", Rewritten?.Source.ToString() ?? "");
        Add("destination", Rewritten?.Destination.ToString() ?? "");
        Add("marks", string.Join(',', Words.Of(Marks)));
        Add("reset-by", ResetBy == ResetSender.Unknown ? "" : Words.Of(ResetBy));
        return text.ToString();
    }
}

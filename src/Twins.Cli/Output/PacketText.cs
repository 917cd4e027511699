using System.Globalization;
using System.Text;
using Twins.Capture;
using Twins.Packets;

namespace Twins.Cli.Output;

/// <summary>A packet as one line for people.</summary>
internal static class PacketText
{
    private const int MostPayloadBytes = 512;

    public static void Write(TextWriter to, PacketLine line, bool payload)
    {
        var text = new StringBuilder();
        text.Append((DateTime.UnixEpoch + TimeSpan.FromTicks(line.Nanoseconds / 100)).ToLocalTime().ToString("HH:mm:ss.ffffff", CultureInfo.InvariantCulture));
        Add(text, line.Label?.Process is { Length: > 0 } process ? process : "-");
        Add(text, line.Label is { Leg: not PathLeg.Unknown } label ? Words.Of(label.Leg) : "-");
        AddPacket(text, line);
        if (line.Verdict != TwinVerdict.None)
            Add(text, Did(line));
        if (line.Marks != TcpMarks.None)
            Add(text, $"[{string.Join(", ", Words.Of(line.Marks).Select(mark => mark == "reset" ? Reset(line) : mark))}]");
        to.WriteLine(text);
        if (payload)
            WritePayload(to, PayloadOf(line).Span);
    }

    /// <summary>An end with its port, if it has one.</summary>
    public static string End(Endpoint? end) => end is not { } known ? "" : known.Port == 0 ? known.Address.ToString() : known.ToString();

    /// <summary>Control bits as tcpdump abbreviates them.</summary>
    public static string Flags(TcpFlags flags)
    {
        var text = new StringBuilder();
        foreach ((TcpFlags flag, char letter) in ((TcpFlags, char)[])[
            (TcpFlags.Syn, 'S'), (TcpFlags.Fin, 'F'), (TcpFlags.Rst, 'R'), (TcpFlags.Psh, 'P'), (TcpFlags.Urg, 'U'), (TcpFlags.Ece, 'E'), (TcpFlags.Cwr, 'W'), (TcpFlags.Ack, '.')])
        {
            if ((flags & flag) != 0)
                text.Append(letter);
        }
        return text.ToString();
    }

    /// <summary>The data that were captured.</summary>
    public static ReadOnlyMemory<byte> PayloadOf(PacketLine line)
    {
        if (line.Frames.Count == 0)
            return default;
        CapturedFrame frame = line.Frames[0];
        int headers = PacketDecoder.Decode(frame.Interface.LinkType, frame.Octets, out PacketFacts? facts);
        // What is padded to a device's shortest frame isn't data.
        return facts is null ? default : frame.Octets.Slice(headers, Math.Min(facts.PayloadLength, frame.Octets.Length - headers));
    }

    private static void AddPacket(StringBuilder text, PacketLine line)
    {
        if (line.Facts is not { } facts)
        {
            Add(text, string.Create(CultureInfo.InvariantCulture, $"no IP packet, or a broken one, {line.Length} bytes"));
            return;
        }
        Add(text, $"{End(facts.Source)} > {End(facts.Destination)}");
        if (facts.IsTcp)
        {
            Add(text, string.Create(CultureInfo.InvariantCulture,
                $"{Flags(facts.Flags)} seq {facts.Sequence} ack {facts.Acknowledgment} win {facts.Window} len {facts.PayloadLength}"));
        }
        else
        {
            Add(text, $"{facts.Protocol.ToString().ToLowerInvariant()}{(facts.Quoted is { } quoted ? $" error about {quoted}" : "")}");
            Add(text, string.Create(CultureInfo.InvariantCulture, $"len {facts.PayloadLength}"));
        }
    }

    private static string Did(PacketLine line) => line.Verdict switch
    {
        TwinVerdict.Dropped => $"dropped: {line.Reason}",
        TwinVerdict.Released when line.Rewritten is null => "released to the local stack",
        TwinVerdict.Passed => "left to the local stack",
        TwinVerdict.Answered => "the twin's answer: wait",
        _ when line.Rewritten is { } tuple => $"{Words.Of(line.Verdict)} => {End(tuple.Source)} > {End(tuple.Destination)} ({Words.Of(line.NextLeg)})",
        _ => Words.Of(line.Verdict),
    };

    private static string Reset(PacketLine line) => line.ResetBy switch
    {
        ResetSender.Peer => "reset by the peer",
        ResetSender.Process => "reset by the process's sockets",
        ResetSender.HomeStack => "reset by home's own stack, which should never see this connection",
        _ => "reset",
    };

    private static void WritePayload(TextWriter to, ReadOnlySpan<byte> octets)
    {
        if (octets.IsEmpty)
            return;
        var text = new StringBuilder("    ");
        foreach (byte octet in octets[..Math.Min(octets.Length, MostPayloadBytes)])
        {
            // What a terminal would obey isn't printed as it is.
            if (octet is >= 0x20 and < 0x7F and not (byte)'\\')
                text.Append((char)octet);
            else
                text.Append(CultureInfo.InvariantCulture, $"\\x{octet:x2}");
        }
        if (octets.Length > MostPayloadBytes)
            text.Append(CultureInfo.InvariantCulture, $"... ({octets.Length} bytes)");
        to.WriteLine(text);
    }

    private static void Add(StringBuilder text, string word) => text.Append("  ").Append(word);
}

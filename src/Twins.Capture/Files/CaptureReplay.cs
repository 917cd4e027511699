using Twins.Packets;

namespace Twins.Capture;

/// <summary>
/// Puts the frames of a file into a joiner as if they came now: comments that <c>twins capture</c> wrote become again what twins did, and
/// whose packets are whose. Files of other programs have no labels; TCP trouble and silence are found all the same.
/// </summary>
public static class CaptureReplay
{
    /// <summary>Reads all frames.</summary>
    /// <param name="frames">In the order of the file.</param>
    /// <param name="flows">Learns whose packets are whose.</param>
    /// <param name="joiner">Gets them; the caller finishes it.</param>
    public static void Run(IEnumerable<CapturedFrame> frames, FlowBook flows, PacketJoiner joiner)
    {
        ArgumentNullException.ThrowIfNull(frames);
        ArgumentNullException.ThrowIfNull(flows);
        ArgumentNullException.ThrowIfNull(joiner);
        foreach (var frame in frames)
        {
            Add(frame, flows, joiner);
            joiner.Advance(frame.Nanoseconds);
        }
    }

    private static void Add(CapturedFrame frame, FlowBook flows, PacketJoiner joiner)
    {
        if (!PacketComment.TryParse(frame.Comment, out var comment))
        {
            joiner.Add(frame);
            return;
        }

        if (!comment.IsOtherSide && comment.Verdict != TwinVerdict.None && PacketDecoder.FindIp(frame.Interface.LinkType, frame.Octets.Span) is >= 0 and var ip)
        {
            joiner.Add(new TwinRecord(frame.Nanoseconds, comment.Process, comment.Verdict, frame.Octets[ip..], Math.Max(0, frame.Length - ip))
            {
                Reason = comment.Reason,
                Leg = comment.Leg,
                NextLeg = comment.NextLeg,
                Source = comment.Rewritten?.Source,
                Destination = comment.Rewritten?.Destination,
            });
        }
        else if (comment.Connection is { } connection)
        {
            PacketDecoder.Decode(frame.Interface.LinkType, frame.Octets, out var facts);
            if (comment.Leg == PathLeg.HomeHost && facts is { Source.Port: > 0 })
                flows.Add(comment.Process, connection, comment.ToProcess ? facts.Source : facts.Destination, comment.ToProcess ? facts.Destination : facts.Source);
            else
                flows.Add(comment.Process, connection);
        }

        if (!frame.Interface.IsTwin)
            joiner.Add(frame);
    }
}

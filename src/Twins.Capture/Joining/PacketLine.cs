using Twins.Packets;

namespace Twins.Capture;

/// <summary>One packet with all that is known of it: both sides of a rewrite are one line.</summary>
public sealed record PacketLine
{
    /// <summary>When, since 1970 (UTC).</summary>
    public required long Nanoseconds { get; init; }

    /// <summary>What its headers say, as it came; null: no IP packet, or a broken one.</summary>
    public PacketFacts? Facts { get; init; }

    /// <summary>Whose it is; null: nobody's that is known.</summary>
    public PacketLabel? Label { get; init; }

    /// <summary>What the twin did.</summary>
    public TwinVerdict Verdict { get; init; }

    /// <summary>Why it was dropped; empty if it wasn't.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Where it went.</summary>
    public PathLeg NextLeg { get; init; }

    /// <summary>What it was rewritten to; null: it wasn't, or what it was rewritten to isn't a pair of endpoints.</summary>
    public FiveTuple? Rewritten { get; init; }

    /// <summary>What is wrong with it.</summary>
    public TcpMarks Marks { get; init; }

    /// <summary>Who sent a segment that resets the connection.</summary>
    public ResetSender ResetBy { get; init; }

    /// <summary>Octets of the packet, IP header and data included; of what isn't IP, of the frame.</summary>
    public int Length { get; init; }

    /// <summary>The frames that it was seen in, the first side first; a twin's packet if no interface saw it.</summary>
    public IReadOnlyList<CapturedFrame> Frames { get; init; } = [];

    /// <summary>Another frame of a packet that was told of before, as <c>any</c> and bridges see them: for files only.</summary>
    public bool IsSeenAgain { get; init; }
}

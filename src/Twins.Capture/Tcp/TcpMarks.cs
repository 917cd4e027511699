namespace Twins.Capture;

/// <summary>What is wrong with a segment, or with what came before it.</summary>
[Flags]
public enum TcpMarks
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Its data, SYN or FIN were seen before; or they fill a gap that is older than a reordering would be.</summary>
    Retransmission = 1,

    /// <summary>It fills a gap that has just been seen.</summary>
    OutOfOrder = 2,

    /// <summary>Data before it weren't seen: lost on the way here, or in the capture.</summary>
    GapBefore = 4,

    /// <summary>The sender takes nothing more.</summary>
    ZeroWindow = 8,

    /// <summary>One octet of what was sent before, or none: is the other end still there?</summary>
    KeepAlive = 16,

    /// <summary>It resets the connection.</summary>
    Reset = 32,
}

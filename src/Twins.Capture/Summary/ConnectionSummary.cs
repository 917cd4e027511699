namespace Twins.Capture;

/// <summary>What a capture has seen of one connection.</summary>
/// <param name="Process">The mobile process's name; empty: not known.</param>
/// <param name="Connection">The connection. Where the process isn't known, the end with the lower port is taken for its own.</param>
public sealed record ConnectionSummary(string Process, Connection Connection)
{
    /// <summary>Packets to the process, each counted once.</summary>
    public long PacketsToProcess { get; internal set; }

    /// <summary>Packets to the peer.</summary>
    public long PacketsToPeer { get; internal set; }

    /// <summary>Octets of data to the process, those that were sent again included.</summary>
    public long BytesToProcess { get; internal set; }

    /// <summary>Octets of data to the peer, likewise.</summary>
    public long BytesToPeer { get; internal set; }

    /// <summary>Packets that a twin held.</summary>
    public long Held { get; internal set; }

    /// <summary>Packets that were held and then sent on.</summary>
    public long Released { get; internal set; }

    /// <summary>Packets that were rewritten, but for those.</summary>
    public long Rewritten { get; internal set; }

    /// <summary>Packets that a twin dropped, by reason.</summary>
    public SortedDictionary<string, long> Dropped { get; } = new(StringComparer.Ordinal);

    /// <summary>TCP trouble, by kind.</summary>
    public SortedDictionary<string, long> Trouble { get; } = new(StringComparer.Ordinal);

    /// <summary>Who reset it; unknown: nobody did.</summary>
    public ResetSender ResetBy { get; internal set; }

    /// <summary>The first packet, since 1970 (UTC).</summary>
    public long FirstNanoseconds { get; internal set; }

    /// <summary>The last one.</summary>
    public long LastNanoseconds { get; internal set; }

    /// <summary>The longest time between two packets, of either direction.</summary>
    public TimeSpan LongestSilence { get; internal set; }

    /// <summary>When that began.</summary>
    public long LongestSilenceSince { get; internal set; }

    /// <summary>The longest time in which nothing went to the peer.</summary>
    public TimeSpan LongestSilenceToPeer { get; internal set; }

    internal long LastToPeer { get; set; }
}

namespace Twins.Manager.Explaining;

/// <summary>What a drop reason that is being counted up means for a connection that stalls (docs/troubleshooting.md has all reasons).</summary>
/// <param name="IsCause">Whether it is a cause; otherwise it may be one.</param>
/// <param name="Meaning">Behind "dropped N packets: ".</param>
/// <param name="Remedy">What to do.</param>
internal sealed record DropMeaning(bool IsCause, string Meaning, string Remedy)
{
    private const string Capture = "twins capture shows them, with the connection that they belong to.";

    /// <summary>Of a reason as <c>twins show</c> names it.</summary>
    public static DropMeaning Of(string reason) => reason switch
    {
        "HoldFull" => new(true, "more comes in than the twin holds for all its processes", "Raise holdLimitBytes; the peers send again what was dropped, later and later."),
        "UnknownFlow" => new(false, "segments of connections that this node no longer redirects", $"A few late ones are normal. If they go on, a peer uses a connection whose other half is gone: it has to open it anew. {Capture}"),
        "UnknownLeg" => new(false, "packets between home and host of a connection that only the other node redirects", $"Compare the connections on both nodes (same-flows). {Capture}"),
        "UnknownCabinFlow" => new(false, "the process sends on connections that aren't redirected", $"They have ended for home; the process has to open them anew. {Capture}"),
        "HostNotReady" => new(true, "the host's half isn't open yet", "It opens at the commit point of the move; if no move is under way, look into the log of twinsd on this node."),
        "HostStopped" => new(true, "the host's half is closed, because the process is leaving", "It opens again when the move has ended, either way; if no move is under way, look into the log of twinsd on this node."),
        "FlowRefused" => new(true, "a new connection couldn't get a leg between home and host", "The log of twinsd at home says why ('no flow for'): the other node can't be reached, or the redirect ports are used up."),
        "Fragment" => new(true, "fragments, which aren't carried", "Let path MTU discovery work: don't filter ICMP 'fragmentation needed', and send with DF."),
        "TooLarge" => new(true, "larger than the device on the way out carries", "Their senders are told the size; see that nothing filters ICMP 'fragmentation needed' on its way to them."),
        "SendFailed" => new(true, "the kernel refused to send them", "See the routes below, and firewall rules in the output chains of this node."),
        "QueueFull" => new(true, "they come faster than the twin takes them", "The machine is too slow or too busy for this traffic."),
        "StillLingering" => new(false, "peers open connections anew from ports of ones that are just ending", "Their next attempt gets through."),
        "Silenced" => new(false, "sockets at home still send, though their process is held or has left", "Normal while it is held and right after a move."),
        "WrongSide" => new(true, "packets of a known connection that come from where they can't", "A packet was forged, or a route leads in a circle. " + Capture),
        "Malformed" => new(false, "octets that are no packet", Capture),
        _ => new(false, "see docs/troubleshooting.md", Capture),
    };
}

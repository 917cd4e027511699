namespace Twins.Redirection;

/// <summary>
/// Why a packet was dropped. Names are stable: counters, metrics and <c>twins show</c> carry them. The decision function gives
/// those up to <see cref="QuotedFlowNotForwarding"/>; the others are for the caller's own drops and for <see cref="Route.Drop"/>.
/// </summary>
public enum DropReason
{
    /// <summary>Not dropped.</summary>
    None = 0,

    /// <summary>No packet that can be worked on (<see cref="Twins.Packets.PacketFault"/>). Fail-closed: the rules divert only what is ours.</summary>
    Malformed,

    /// <summary>
    /// A first fragment of a flow, listener or leg that is ours, or any fragment from a cabin: rewriting needs the whole. Fail-closed.
    /// Later fragments from the network carry no ports and pass: without their first they are never put together.
    /// </summary>
    Fragment,

    /// <summary>A segment to a redirected listener that belongs to no flow and opens none. Fail-closed: the local stack would answer RST.</summary>
    UnknownFlow,

    /// <summary>A packet to or from a leg (N:n) that belongs to no flow. Fail-closed: the local stack would answer RST into a live connection.</summary>
    UnknownLeg,

    /// <summary>A packet from a cabin that belongs to no flow and opens none, or with a source that is not the cabin's home. Fail-closed.</summary>
    UnknownCabinFlow,

    /// <summary>A packet from a cabin that is neither TCP nor UDP nor an ICMP error about a flow. Fail-closed.</summary>
    NotCarried,

    /// <summary>A known tuple that arrived on another side than its route's: forged or looped. Fail-closed.</summary>
    WrongSide,

    /// <summary>An ICMP error about a flow that is held or dropped just now. Fail-closed; the error comes again if its cause stays.</summary>
    QuotedFlowNotForwarding,

    /// <summary>The host half is not ready yet: inbound before HOST_READY.</summary>
    HostNotReady,

    /// <summary>The host half was stopped.</summary>
    HostStopped,

    /// <summary>The hold queue is full: a packet that found no room, or one that made way for another process's.</summary>
    HoldFull,

    /// <summary>The flow that was asked for was refused.</summary>
    FlowRefused,

    /// <summary>The process was forgotten while its packets were held.</summary>
    Forgotten,

    /// <summary>Larger than what the way out can carry.</summary>
    TooLarge,

    /// <summary>The system refused to send it.</summary>
    SendFailed,

    /// <summary>A probe that the frozen socket has answered; another packet of the connection is held and tells the socket of its peer.</summary>
    ProbeAnswered,

    /// <summary>Opens a connection on a tuple that still lingers: the old flow ends, and the next attempt finds the process.</summary>
    StillLingering,
}

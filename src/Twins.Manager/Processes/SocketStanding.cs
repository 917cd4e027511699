namespace Twins.Manager.Processes;

/// <summary>How a socket of the kernel's table belongs to a process.</summary>
public enum SocketStanding
{
    /// <summary>A descriptor of the process refers to it: it moves with the process.</summary>
    Owned,

    /// <summary>Its handshake is complete and it waits in a listener's backlog for accept(): CRIU refuses to dump such a listener.</summary>
    Unaccepted,

    /// <summary>SYN-RECEIVED at one of the process's listeners: the peer's retransmitted SYN starts it anew at the listener's next place.</summary>
    HalfOpen,

    /// <summary>
    /// The process closed it and the kernel sees it to its end, on a port on which the process listens, or in the process's cabin:
    /// it stays on this node, and its packets must not follow the process.
    /// </summary>
    Lingering,
}

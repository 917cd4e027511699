namespace Twins.Manager.Processes;

/// <summary>Connection states of RFC 9293, 3.3.2, with the kernel's numbers (include/net/tcp_states.h, /proc/net/tcp).</summary>
public enum TcpState
{
    /// <summary>ESTABLISHED.</summary>
    Established = 1,

    /// <summary>SYN-SENT.</summary>
    SynSent = 2,

    /// <summary>SYN-RECEIVED.</summary>
    SynReceived = 3,

    /// <summary>FIN-WAIT-1.</summary>
    FinWait1 = 4,

    /// <summary>FIN-WAIT-2.</summary>
    FinWait2 = 5,

    /// <summary>TIME-WAIT.</summary>
    TimeWait = 6,

    /// <summary>CLOSED.</summary>
    Closed = 7,

    /// <summary>CLOSE-WAIT.</summary>
    CloseWait = 8,

    /// <summary>LAST-ACK.</summary>
    LastAck = 9,

    /// <summary>LISTEN.</summary>
    Listen = 10,

    /// <summary>CLOSING.</summary>
    Closing = 11,
}

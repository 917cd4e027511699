namespace Twins.Redirection;

/// <summary>What happens to packets to a listener's endpoint that belong to no flow in the table.</summary>
public enum ListenerState
{
    /// <summary>All are held.</summary>
    Hold = 0,

    /// <summary>A SYN without ACK is held, so that the backlog can drain; the rest passes. Of UDP nothing is held.</summary>
    HoldNewOnly,

    /// <summary>The listener is redirected: what opens a connection is held and its flow asked for, the rest is dropped.</summary>
    RequestFlow,
}

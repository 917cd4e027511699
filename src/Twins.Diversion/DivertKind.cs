namespace Twins.Diversion;

/// <summary>Which packets a rule singles out.</summary>
public enum DivertKind
{
    /// <summary>From the peer P:q to H:p. What the local stack sends the other way is dropped.</summary>
    Connection = 0,

    /// <summary>All to H:p that no connection's rule takes. What the local stack sends from H:p is dropped.</summary>
    Listener,

    /// <summary>Only TCP segments to H:p with SYN and without ACK, so that backlogs can drain. Nothing outgoing is dropped.</summary>
    NewConnections,

    /// <summary>From the leg's N:n, at home.</summary>
    LegSource,

    /// <summary>To the leg's N:n, at the host.</summary>
    LegDestination,

    /// <summary>
    /// From the peer P:q to H:p and back, left alone in spite of a listener's rule: the program closed the connection, and the
    /// local stack sees it to its end.
    /// </summary>
    Lingering,

    /// <summary>
    /// What the local stack sends from H:p, not dropped in spite of the rules for connections and listeners. What comes in is diverted as
    /// they say.
    /// </summary>
    Speaking,

    /// <summary>
    /// What a guest sends from N:p, at a host without cabins: outgoing packets, where all other kinds are about incoming ones. What nobody
    /// takes is dropped. On Windows only.
    /// </summary>
    GuestSource,
}

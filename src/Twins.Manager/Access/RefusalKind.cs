namespace Twins.Manager.Access;

/// <summary>What somebody was refused.</summary>
internal enum RefusalKind
{
    /// <summary>A connection to one of our ports or to the local socket: what came is not what is spoken there, or not from a node.</summary>
    Connection,

    /// <summary>A call: a service that isn't offered there, or a message that can't be read.</summary>
    Call,

    /// <summary>A call that failed for a reason that nobody foresaw.</summary>
    FailedCall,

    /// <summary>A method of the local API, for lack of rights.</summary>
    LocalCall,

    /// <summary>What a member of the cluster may not ask for.</summary>
    NodeCall,

    /// <summary>To join the cluster.</summary>
    Join,

    /// <summary>A datagram to the hook socket.</summary>
    HookMessage,
}

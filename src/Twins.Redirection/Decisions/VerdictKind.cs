namespace Twins.Redirection;

/// <summary>What was decided about a packet.</summary>
public enum VerdictKind
{
    /// <summary>Not ours: it goes on untouched to where it was going.</summary>
    Pass = 0,

    /// <summary>Kept in the hold queue of <see cref="Verdict.Process"/>.</summary>
    Hold,

    /// <summary>Dropped and counted under <see cref="Verdict.Reason"/>.</summary>
    Drop,

    /// <summary>Rewritten to the target of <see cref="Verdict.Route"/> and sent to its egress.</summary>
    Rewrite,

    /// <summary>An ICMP error about a forwarded flow: translated to the leg of <see cref="Verdict.Route"/> and sent to its egress.</summary>
    RewriteQuoted,

    /// <summary>
    /// Opens a connection for which there is no flow: held like <see cref="Hold"/>, and the flow is asked for. The caller puts a route that
    /// holds (<see cref="Route.Hold"/>) into the table, so that the same connection is asked for once.
    /// </summary>
    RequestFlow,
}

namespace Twins.Redirection;

/// <summary>What happens to the packets of a tuple.</summary>
public enum RouteState
{
    /// <summary>Rewritten to the target and sent out.</summary>
    Forward = 0,

    /// <summary>Kept in order until told.</summary>
    Hold,

    /// <summary>Dropped, with the route's reason.</summary>
    Drop,

    /// <summary>Left to the local stack, until a packet opens the connection anew.</summary>
    Pass,
}

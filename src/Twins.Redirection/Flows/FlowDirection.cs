namespace Twins.Redirection;

/// <summary>A direction of a connection.</summary>
public enum FlowDirection
{
    /// <summary>Peer to process.</summary>
    ToProcess = 0,

    /// <summary>Process to peer.</summary>
    ToPeer = 1,
}

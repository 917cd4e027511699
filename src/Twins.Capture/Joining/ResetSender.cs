namespace Twins.Capture;

/// <summary>Who sent a segment that resets a connection, as far as its way tells.</summary>
public enum ResetSender
{
    /// <summary>It resets nothing, or its way doesn't tell.</summary>
    Unknown = 0,

    /// <summary>The peer.</summary>
    Peer,

    /// <summary>The process's own sockets, where it runs.</summary>
    Process,

    /// <summary>The stack at home, though the connection is redirected: no rule kept the packet that it answers from it.</summary>
    HomeStack,
}

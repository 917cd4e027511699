namespace Twins.Diversion.Windows;

/// <summary>What a program did with a socket.</summary>
public enum SocketEventKind
{
    /// <summary>It takes connections.</summary>
    Listen,

    /// <summary>It begins to connect, and may still fail.</summary>
    Connect,

    /// <summary>A connection has come in.</summary>
    Accept,
}

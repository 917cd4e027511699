namespace Twins.Manager.Access;

/// <summary>What a connection came in by. One server has all services, so each call is checked against it.</summary>
internal enum ListenerKind
{
    /// <summary>The Unix socket, or the named pipe.</summary>
    Local,

    /// <summary>The node API's port, mutual TLS.</summary>
    Node,

    /// <summary>The port for nodes that join.</summary>
    Join,
}

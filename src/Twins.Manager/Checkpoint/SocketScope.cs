namespace Twins.Manager.Checkpoint;

/// <summary>The TCP sockets that an option is carried for.</summary>
internal enum SocketScope
{
    /// <summary>Every one.</summary>
    All,

    /// <summary>Every one, also where the value is that of a new socket: a restored one may have another.</summary>
    Always,

    /// <summary>Listeners and sockets without a connection; on a connection the value is the kernel's, or can't be set.</summary>
    NotConnected,

    /// <summary>IPv6 sockets.</summary>
    IPv6,
}

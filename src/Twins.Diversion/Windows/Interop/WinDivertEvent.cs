namespace Twins.Diversion.Windows;

/// <summary>What happened (WINDIVERT_EVENT).</summary>
internal enum WinDivertEvent : byte
{
    /// <summary>A packet, at <see cref="WinDivertLayer.Network"/>.</summary>
    NetworkPacket = 0,

    /// <summary>A flow began, at <see cref="WinDivertLayer.Flow"/>.</summary>
    FlowEstablished = 1,

    /// <summary>A flow ended.</summary>
    FlowDeleted = 2,

    /// <summary>bind(), at <see cref="WinDivertLayer.Socket"/>.</summary>
    SocketBind = 3,

    /// <summary>connect(), or the first datagram to a peer.</summary>
    SocketConnect = 4,

    /// <summary>listen().</summary>
    SocketListen = 5,

    /// <summary>accept(), or the first datagram of a peer.</summary>
    SocketAccept = 6,

    /// <summary>An endpoint is released; may come twice for one socket.</summary>
    SocketClose = 7,

    /// <summary>A handle was opened, at <see cref="WinDivertLayer.Reflect"/>.</summary>
    ReflectOpen = 8,

    /// <summary>A handle was closed.</summary>
    ReflectClose = 9,
}

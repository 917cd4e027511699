namespace Twins.Diversion.Windows;

/// <summary>Where in the network stack a handle takes part (WINDIVERT_LAYER).</summary>
internal enum WinDivertLayer : byte
{
    /// <summary>Packets to and from this machine.</summary>
    Network = 0,

    /// <summary>Packets that this machine forwards.</summary>
    NetworkForward = 1,

    /// <summary>Flows as they begin and end. Needs <see cref="WinDivertFlags.Sniff"/> and <see cref="WinDivertFlags.ReceiveOnly"/>.</summary>
    Flow = 2,

    /// <summary>Socket operations. Needs <see cref="WinDivertFlags.ReceiveOnly"/>; without <see cref="WinDivertFlags.Sniff"/> they are refused.</summary>
    Socket = 3,

    /// <summary>WinDivert handles as they are opened and closed.</summary>
    Reflect = 4,
}

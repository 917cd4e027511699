namespace Twins.Diversion.Windows;

/// <summary>What of a handle comes to its end (WINDIVERT_SHUTDOWN).</summary>
internal enum WinDivertShutdown : uint
{
    /// <summary>Nothing more is taken; what waits can be received.</summary>
    Receive = 1,

    /// <summary>Nothing can be sent any more.</summary>
    Send = 2,

    /// <summary>Both.</summary>
    Both = 3,
}

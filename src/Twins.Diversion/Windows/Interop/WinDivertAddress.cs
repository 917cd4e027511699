using System.Runtime.InteropServices;

namespace Twins.Diversion.Windows;

/// <summary>What comes with a packet or an event, and goes with a packet that is sent (WINDIVERT_ADDRESS of WinDivert 2.2: 80 octets).</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
internal struct WinDivertAddress
{
    /// <summary>Its size.</summary>
    public const int SizeBytes = 80;

    /// <summary>When it happened (QueryPerformanceCounter: <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/>).</summary>
    [FieldOffset(0)]
    public long Timestamp;

    /// <summary>The handle's layer.</summary>
    [FieldOffset(8)]
    public WinDivertLayer Layer;

    /// <summary>What happened.</summary>
    [FieldOffset(9)]
    public WinDivertEvent Event;

    /// <summary>Direction, family, and which sums are right.</summary>
    [FieldOffset(10)]
    public WinDivertAddressFlags Flags;

    /// <summary>Of a packet.</summary>
    [FieldOffset(16)]
    public WinDivertNetworkData Network;

    /// <summary>Of an event at <see cref="WinDivertLayer.Flow"/> or <see cref="WinDivertLayer.Socket"/>.</summary>
    [FieldOffset(16)]
    public WinDivertSocketData Socket;

    /// <summary>Of an event at <see cref="WinDivertLayer.Reflect"/>.</summary>
    [FieldOffset(16)]
    public WinDivertReflectData Reflect;

    /// <summary>Whether it goes out from this machine.</summary>
    public readonly bool IsOutbound => (Flags & WinDivertAddressFlags.Outbound) != 0;
}

using System.Runtime.InteropServices;

namespace Twins.Tray.Windows;

/// <summary>NOTIFYICONDATAW of shellapi.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NotifyIconData
{
    public uint Size;
    public nint Window;
    public uint Identifier;
    public uint Flags;
    public uint CallbackMessage;
    public nint Icon;
    public fixed char Tip[128];
    public uint State;
    public uint StateMask;
    public fixed char Info[256];
    public uint Version;
    public fixed char InfoTitle[64];
    public uint InfoFlags;
    public Guid Item;
    public nint BalloonIcon;
}

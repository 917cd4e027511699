using System.Runtime.InteropServices;

namespace Twins.Tray.Windows;

/// <summary>user32 and shell32: windows, menus, icons.</summary>
internal static unsafe partial class Native
{
    public const uint WmNull = 0x0000;
    public const uint WmDestroy = 0x0002;
    public const uint WmClose = 0x0010;
    public const uint WmEndSession = 0x0016;
    public const uint WmContextMenu = 0x007B;
    public const uint WmDisplayChange = 0x007E;
    public const uint WmCommand = 0x0111;
    public const uint WmTimer = 0x0113;
    public const uint WmDpiChanged = 0x02E0;
    public const uint WmUser = 0x0400;
    public const uint WmApp = 0x8000;

    public const uint PopupStyle = 0x80000000;  // WS_POPUP
    public const uint ToolWindow = 0x80;        // WS_EX_TOOLWINDOW
    public const int SmallIconWidth = 49;       // SM_CXSMICON
    public const int MenuDropAlignment = 40;    // SM_MENUDROPALIGNMENT
    public const uint IconVersion = 0x00030000; // of the format of icons' resources

    public const uint MenuSeparator = 0x0800;   // MF_SEPARATOR
    public const uint MenuGrayed = 0x0001;      // MF_GRAYED
    public const uint MenuChecked = 0x0008;     // MF_CHECKED
    public const uint MenuRightButton = 0x0002; // TPM_RIGHTBUTTON
    public const uint MenuRightAlign = 0x0008;  // TPM_RIGHTALIGN
    public const uint MenuBottomAlign = 0x0020; // TPM_BOTTOMALIGN

    public const uint AskOkCancel = 0x0001;     // MB_OKCANCEL
    public const uint AskWarning = 0x0030;      // MB_ICONWARNING
    public const uint AskSecondButton = 0x0100; // MB_DEFBUTTON2
    public const uint AskForeground = 0x10000;  // MB_SETFOREGROUND
    public const int AnswerOk = 1;              // IDOK

    public const uint AllowMessage = 1;         // MSGFLT_ALLOW

    [LibraryImport("kernel32", EntryPoint = "GetModuleHandleW", StringMarshalling = StringMarshalling.Utf16)]
    public static partial nint GetModuleHandle(string? module);

    [LibraryImport("user32", EntryPoint = "RegisterClassExW", SetLastError = true)]
    public static partial ushort RegisterClass(WindowClass* windowClass);

    [LibraryImport("user32", EntryPoint = "CreateWindowExW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    public static partial nint CreateWindow(
        uint extendedStyle, string className, string title, uint style, int x, int y, int width, int height, nint parent, nint menu, nint instance, nint parameter);

    [LibraryImport("user32", EntryPoint = "SetWindowTextW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool SetWindowText(nint window, string text);

    [LibraryImport("user32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool DestroyWindow(nint window);

    [LibraryImport("user32", EntryPoint = "DefWindowProcW")]
    public static partial nint DefWindowProc(nint window, uint message, nint wParam, nint lParam);

    [LibraryImport("user32", EntryPoint = "RegisterWindowMessageW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    public static partial uint RegisterWindowMessage(string name);

    [LibraryImport("user32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool ChangeWindowMessageFilterEx(nint window, uint message, uint action, nint status);

    [LibraryImport("user32", EntryPoint = "GetMessageW", SetLastError = true)]
    public static partial int GetMessage(Message* message, nint window, uint first, uint last);

    [LibraryImport("user32", EntryPoint = "DispatchMessageW")]
    public static partial nint DispatchMessage(Message* message);

    [LibraryImport("user32", EntryPoint = "PostMessageW", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool PostMessage(nint window, uint message, nint wParam, nint lParam);

    [LibraryImport("user32")]
    public static partial void PostQuitMessage(int exitCode);

    [LibraryImport("user32", SetLastError = true)]
    public static partial nuint SetTimer(nint window, nuint identifier, uint milliseconds, nint function);

    [LibraryImport("user32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool KillTimer(nint window, nuint identifier);

    [LibraryImport("user32", EntryPoint = "FindWindowW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    public static partial nint FindWindow(string className, string? title);

    [LibraryImport("user32")]
    public static partial uint GetWindowThreadProcessId(nint window, out int process);

    [LibraryImport("user32")]
    public static partial uint GetDpiForWindow(nint window);

    [LibraryImport("user32")]
    public static partial int GetSystemMetricsForDpi(int metric, uint dpi);

    [LibraryImport("user32")]
    public static partial int GetSystemMetrics(int metric);

    [LibraryImport("user32", SetLastError = true)]
    public static partial nint CreateIconFromResourceEx(byte* bits, uint length, [MarshalAs(UnmanagedType.Bool)] bool isIcon, uint version, int width, int height, uint flags);

    [LibraryImport("user32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool DestroyIcon(nint icon);

    [LibraryImport("user32", SetLastError = true)]
    public static partial nint CreatePopupMenu();

    [LibraryImport("user32", EntryPoint = "AppendMenuW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool AppendMenu(nint menu, uint flags, nint identifier, string? text);

    [LibraryImport("user32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool SetMenuDefaultItem(nint menu, uint item, uint byPosition);

    [LibraryImport("user32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool SetForegroundWindow(nint window);

    [LibraryImport("user32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool TrackPopupMenuEx(nint menu, uint flags, int x, int y, nint window, nint parameters);

    [LibraryImport("user32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool DestroyMenu(nint menu);

    [LibraryImport("user32", EntryPoint = "MessageBoxW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    public static partial int MessageBox(nint window, string text, string title, uint kind);

    [LibraryImport("shell32", EntryPoint = "Shell_NotifyIconW")]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool ShellNotifyIcon(uint message, NotifyIconData* data);

    /// <summary>WNDCLASSEXW.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct WindowClass
    {
        public uint Size;
        public uint Style;
        public delegate* unmanaged<nint, uint, nint, nint, nint> Procedure;
        public int ClassExtra;
        public int WindowExtra;
        public nint Instance;
        public nint Icon;
        public nint Cursor;
        public nint Background;
        public char* MenuName;
        public char* ClassName;
        public nint SmallIcon;
    }

    /// <summary>MSG.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Message
    {
        public nint Window;
        public uint Number;
        public nint WParam;
        public nint LParam;
        public uint Time;
        public int X;
        public int Y;
    }
}

using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Twins.Tray.Windows;

/// <summary>A window that is never shown, and the loop of its messages. One at a time; for one thread, but for <see cref="Wake"/>.</summary>
/// <remarks>It isn't a message-only window: those aren't told of a new taskbar.</remarks>
internal sealed unsafe class TrayWindow : IDisposable
{
    public const string ClassName = "TwinsTray";

    /// <summary>By which the icon tells of mouse and keyboard.</summary>
    public const uint IconMessage = Native.WmApp + 1;

    private const uint WakeMessage = Native.WmApp + 2;
    private const nuint RetryTimer = 1;
    private const uint RetryMilliseconds = 2000;
    private const uint Select = Native.WmUser;         // NIN_SELECT
    private const uint SelectByKey = Native.WmUser + 1; // NIN_KEYSELECT

    private static TrayWindow? _current;

    private readonly uint _taskbarCreated;

    public TrayWindow()
    {
        _current = this;
        var instance = Native.GetModuleHandle(null);
        fixed (char* name = ClassName)
        {
            var windowClass = new Native.WindowClass
            {
                Size = (uint)sizeof(Native.WindowClass),
                Procedure = &Procedure,
                Instance = instance,
                ClassName = name,
            };
            if (Native.RegisterClass(&windowClass) == 0)
                throw new Win32Exception();
        }

        _taskbarCreated = Native.RegisterWindowMessage("TaskbarCreated");
        Handle = Native.CreateWindow(Native.ToolWindow, ClassName, "Twins", Native.PopupStyle, 0, 0, 0, 0, 0, 0, instance, 0);
        if (Handle == 0)
            throw new Win32Exception();
        // Else an elevated tray wouldn't hear it from the taskbar, which isn't.
        _ = Native.ChangeWindowMessageFilterEx(Handle, _taskbarCreated, Native.AllowMessage, 0);
    }

    public nint Handle { get; }

    /// <summary>There is something to show (<see cref="Wake"/>), the display has changed, or it is time to try again.</summary>
    public Action? Update { get; set; }

    /// <summary>A taskbar has been started, which doesn't have the icon.</summary>
    public Action? TaskbarCreated { get; set; }

    /// <summary>The menu is asked for, at this place of the screen.</summary>
    public Action<int, int>? MenuAsked { get; set; }

    /// <summary>An item of the menu was chosen, by its identifier, or 0: the icon was.</summary>
    public Action<int>? Chosen { get; set; }

    /// <summary>From any thread: has <see cref="Update"/> called soon.</summary>
    public void Wake() => Native.PostMessage(Handle, WakeMessage, 0, 0);

    /// <summary>Has <see cref="Update"/> called in two seconds.</summary>
    public void WakeLater() => Native.SetTimer(Handle, RetryTimer, RetryMilliseconds, 0);

    /// <summary>Gives the window a title, by which other programs know how things stand: it is never to be seen.</summary>
    public void Entitle(string title) => Native.SetWindowText(Handle, title);

    /// <summary>Ends <see cref="Run"/>.</summary>
    public void Close() => Native.PostMessage(Handle, Native.WmClose, 0, 0);

    /// <summary>Until it is closed, or the session ends.</summary>
    public static void Run()
    {
        Native.Message message;
        while (Native.GetMessage(&message, 0, 0, 0) > 0)
            Native.DispatchMessage(&message);
    }

    public void Dispose()
    {
        _ = Native.DestroyWindow(Handle);
        _current = null;
    }

    [UnmanagedCallersOnly]
    private static nint Procedure(nint window, uint message, nint wParam, nint lParam) =>
        _current is { } current && current.Handle == window && current.Handled(message, wParam, lParam)
            ? 0 : Native.DefWindowProc(window, message, wParam, lParam);

    private bool Handled(uint message, nint wParam, nint lParam)
    {
        switch (message)
        {
            case WakeMessage or Native.WmDpiChanged or Native.WmDisplayChange:
                Update?.Invoke();
                return message == WakeMessage;
            case Native.WmTimer when (nuint)wParam == RetryTimer:
                _ = Native.KillTimer(Handle, RetryTimer);
                Update?.Invoke();
                return true;
            case IconMessage:
                Hear((uint)lParam & 0xFFFF, (int)wParam);
                return true;
            case Native.WmCommand:
                Chosen?.Invoke((int)wParam & 0xFFFF);
                return true;
            case Native.WmClose:
                Native.PostQuitMessage(0);
                return true;
            case Native.WmEndSession when wParam != 0:
                Native.PostQuitMessage(0);
                return true;
        }

        if (message != _taskbarCreated)
            return false;
        TaskbarCreated?.Invoke();
        return true;
    }

    private void Hear(uint happened, int place)
    {
        if (happened is Select or SelectByKey)
            Chosen?.Invoke(0);
        else if (happened == Native.WmContextMenu)
            MenuAsked?.Invoke((short)place, (short)(place >> 16));
    }
}

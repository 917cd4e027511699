using System.ComponentModel;
using Twins.Tray.Icons;
using Twins.Tray.Status;

namespace Twins.Tray.Windows;

/// <summary>The icon of a state as the system has it, in the size that the taskbar's display asks for.</summary>
internal sealed unsafe class StateIcon : IDisposable
{
    private const string Taskbar = "Shell_TrayWnd";

    private StateIcon(TrayState state, int size)
    {
        (State, Size) = (state, size);
        var image = IconImage.Draw(state, size);
        fixed (byte* bits = image)
            Handle = Native.CreateIconFromResourceEx(bits, (uint)image.Length, isIcon: true, Native.IconVersion, size, size, 0);
        if (Handle == 0)
            throw new Win32Exception();
    }

    /// <summary>An HICON, as long as this object lives.</summary>
    public nint Handle { get; }

    public TrayState State { get; }

    /// <summary>Pixels in each direction.</summary>
    public int Size { get; }

    /// <summary>The given one, or another that fits better.</summary>
    /// <param name="current">Ended when another one is made.</param>
    /// <param name="state">What it shows.</param>
    /// <param name="window">Asked for its display where there is no taskbar.</param>
    public static StateIcon Fit(StateIcon? current, TrayState state, nint window)
    {
        var dpi = Native.GetDpiForWindow(Native.FindWindow(Taskbar, null) is not 0 and var taskbar ? taskbar : window);
        var size = Math.Clamp(Native.GetSystemMetricsForDpi(Native.SmallIconWidth, dpi == 0 ? 96 : dpi), 16, 256);
        if (current is not null && current.State == state && current.Size == size)
            return current;
        current?.Dispose();
        return new StateIcon(state, size);
    }

    public void Dispose() => Native.DestroyIcon(Handle);
}

using System.Diagnostics;

namespace Twins.Tray.Windows.Tests.Support;

/// <summary>A real <c>twins-tray.exe</c>, and what a user does with it, as window messages.</summary>
internal sealed class RunningTray : IDisposable
{
    private const uint Command = 0x0111;     // WM_COMMAND
    private const uint Close = 0x0010;       // WM_CLOSE
    private const uint ContextMenu = 0x007B; // WM_CONTEXTMENU

    public RunningTray()
    {
        Process = Begin();
        Eventually.Holds(() => Process.HasExited || Window != 0, "the tray has its window");
        Assert.IsFalse(Process.HasExited, "the tray has ended");
    }

    public Process Process { get; }

    public static nint Window => Native.FindWindowEx(0, 0, TrayWindow.ClassName, null);

    /// <summary>What its tooltip says, which is its window's title, too.</summary>
    public static unsafe string Tooltip
    {
        get
        {
            var text = stackalloc char[256];
            return new string(text, 0, Native.InternalGetWindowText(Window, text, 256));
        }
    }

    public static Process Begin(params string[] arguments) => Process.Start(new ProcessStartInfo(RunningNode.PathOf("twins-tray.exe"), arguments) { UseShellExecute = false })!;

    /// <summary>As an item of the menu that is chosen.</summary>
    public static void Choose(Menu.MenuCommand command) => Native.PostMessage(Window, Command, (int)command, 0);

    /// <summary>As a click with the right button at this place of the screen.</summary>
    public static void AskForMenu(int x, int y) => Native.PostMessage(Window, TrayWindow.IconMessage, (y << 16) | x, (int)(ContextMenu | (NotifyIcon.Identifier << 16)));

    public void Dispose()
    {
        if (!Process.HasExited && Native.PostMessage(Window, Close, 0, 0) && !Process.WaitForExit(TimeSpan.FromSeconds(20)))
            Process.Kill();
        Process.Dispose();
    }
}

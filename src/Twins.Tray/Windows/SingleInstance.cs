using System.Diagnostics;
using System.Security.Principal;

namespace Twins.Tray.Windows;

/// <summary>One tray for each user in each of his sessions: another one would only put a second icon beside the first.</summary>
internal sealed class SingleInstance : IDisposable
{
    private static readonly TimeSpan QuitTime = TimeSpan.FromSeconds(10);

    private readonly Mutex _mutex;

    private SingleInstance(Mutex mutex) => _mutex = mutex;

    /// <summary>Null: there is one already.</summary>
    public static SingleInstance? TryTake()
    {
        using var user = WindowsIdentity.GetCurrent();
        var mutex = new Mutex(initiallyOwned: false, $@"Local\twins-tray-{user.User}", out var isFirst);
        if (isFirst)
            return new SingleInstance(mutex);
        mutex.Dispose();
        return null;
    }

    /// <summary>Asks the one that runs in this session to quit, and waits until it has.</summary>
    /// <returns>False: it didn't within ten seconds.</returns>
    public static bool Quit()
    {
        var window = Native.FindWindow(TrayWindow.ClassName, null);
        if (window == 0 || Native.GetWindowThreadProcessId(window, out var pid) == 0)
            return true;
        try
        {
            using var process = Process.GetProcessById(pid);
            return Native.PostMessage(window, Native.WmClose, 0, 0) && process.WaitForExit(QuitTime);
        }
        catch (ArgumentException)
        {
            // It has ended.
            return true;
        }
    }

    public void Dispose() => _mutex.Dispose();
}

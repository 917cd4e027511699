using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Twins.Tray.Windows.Tests.Support;

/// <summary>Windows and programs of this desktop.</summary>
internal static unsafe class Desktop
{
    private const int CommandLineInformation = 60; // ProcessCommandLineInformation

    /// <summary>A window of this class and title that can be seen, or 0.</summary>
    public static nint Find(string className, string? title = null)
    {
        nint window = 0;
        while ((window = Native.FindWindowEx(0, window, className, title)) != 0)
        {
            if (Native.IsWindowVisible(window))
                return window;
        }

        return 0;
    }

    /// <summary>Balloons are tooltips to the system; the taskbar's own aren't shown without a mouse over them.</summary>
    public static bool HasBalloon => Find("tooltips_class32") != 0;

    /// <summary>The programs of this name, each with its command line.</summary>
    public static Dictionary<int, string> Programs(string name)
    {
        var found = new Dictionary<int, string>();
        foreach (var process in Process.GetProcessesByName(name))
        {
            using (process)
            {
                if (CommandLine(process) is { } line)
                    found[process.Id] = line;
            }
        }

        return found;
    }

    /// <summary>Ends a program that was started by the test, or by the tray for it.</summary>
    public static void End(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            process.Kill();
            process.WaitForExit();
        }
        catch (ArgumentException)
        {
            // It has ended.
        }
    }

    private static string? CommandLine(Process process)
    {
        try
        {
            var buffer = stackalloc byte[4096];
            if (Native.NtQueryInformationProcess(process.Handle, CommandLineInformation, buffer, 4096, out _) != 0)
                return null;
            // UNICODE_STRING: length in octets, its maximum, and where it is.
            return new string(*(char**)(buffer + 8), 0, *(ushort*)buffer / sizeof(char));
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}

using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Twins.Tray.Windows.Tests.Support;

/// <summary>Windows and programs of this desktop.</summary>
internal static unsafe class Desktop
{
    // Of PROCESS_BASIC_INFORMATION, PEB and RTL_USER_PROCESS_PARAMETERS: where the environment block is, its parameters, the command line.
    private const int EnvironmentBlock = 8;
    private const int Parameters = 0x20;
    private const int CommandLineString = 0x70;

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

    // From the program's memory: wine 8 doesn't tell it otherwise.
    private static string? CommandLine(Process process)
    {
        try
        {
            var information = stackalloc nint[6];
            nint parameters;
            var line = stackalloc byte[16]; // UNICODE_STRING: length in octets, its maximum, and where it is.
            if (Native.NtQueryInformationProcess(process.Handle, 0, information, 48, out _) != 0
                || !Native.ReadProcessMemory(process.Handle, information[EnvironmentBlock / 8] + Parameters, &parameters, 8, 0)
                || !Native.ReadProcessMemory(process.Handle, parameters + CommandLineString, line, 16, 0))
            {
                return null;
            }

            var text = new char[*(ushort*)line / sizeof(char)];
            fixed (char* to = text)
                return Native.ReadProcessMemory(process.Handle, *(nint*)(line + 8), to, (nint)text.Length * sizeof(char), 0) ? new string(text) : null;
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            // It has ended.
            return null;
        }
    }
}

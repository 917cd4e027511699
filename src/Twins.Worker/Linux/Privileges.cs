using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Twins.Worker.Linux;

/// <summary>
/// Gives up what a twin doesn't need. Capabilities belong to threads and the runtime has started some before Main, so the bounding
/// set is cut down and the program executed again: every thread of the new image has three capabilities, no descriptor beyond
/// standard error, and can't gain more. The user stays root; without CAP_DAC_OVERRIDE root is an owner like others.
/// </summary>
internal static unsafe class Privileges
{
    private const int BindService = 10; // CAP_NET_BIND_SERVICE
    private const int NetworkAdmin = 12;
    private const int NetworkRaw = 13;
    private const int SetName = 15;      // PR_SET_NAME
    private const int ReadBounding = 23; // PR_CAPBSET_READ
    private const int DropBounding = 24;
    private const int SetNoNewPrivileges = 38;
    private const int GetNoNewPrivileges = 39;
    private const int CloseOnExecute = 4; // CLOSE_RANGE_CLOEXEC
    private const int Hangup = 1;
    private const int Interrupt = 2;
    private const nint Ignore = 1;
    private const int Capabilities = 64;

    /// <summary>Returns in the image that has only what it needs; in the first image it doesn't return.</summary>
    /// <exception cref="Win32Exception">The program could not be executed again.</exception>
    public static void Drop()
    {
        // Its own session, so that neither a terminal nor the end of twinsd's ends it; both are kept over execution.
        _ = Native.StartSession();
        _ = Native.SetSignal(Hangup, Ignore);
        _ = Native.SetSignal(Interrupt, Ignore);
        if (Native.ProcessControl(GetNoNewPrivileges, 0, 0, 0, 0) == 1 && !HasMoreThanNeeded())
        {
            // Executed by way of /proc/self/exe it would be called "exe" in every list of processes.
            fixed (byte* name = "twin"u8)
                _ = Native.ProcessControl(SetName, (nuint)name, 0, 0, 0);
            return;
        }

        for (var capability = 0; capability < Capabilities; capability++)
        {
            if (!IsNeeded(capability))
                _ = Native.ProcessControl(DropBounding, (nuint)capability, 0, 0, 0);
        }

        if (Native.ProcessControl(SetNoNewPrivileges, 1, 0, 0, 0) != 0 || HasMoreThanNeeded())
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "capabilities can't be dropped: start twin as root");
        _ = Native.CloseRange(3, uint.MaxValue, CloseOnExecute);
        ExecuteAgain();
    }

    private static bool IsNeeded(int capability) => capability is BindService or NetworkAdmin or NetworkRaw;

    private static bool HasMoreThanNeeded()
    {
        for (var capability = 0; capability < Capabilities; capability++)
        {
            if (!IsNeeded(capability) && Native.ProcessControl(ReadBounding, (nuint)capability, 0, 0, 0) == 1)
                return true;
        }

        return false;
    }

    private static void ExecuteAgain()
    {
        var commandLine = File.ReadAllBytes("/proc/self/cmdline");
        var count = commandLine.Count(octet => octet == 0);
        fixed (byte* text = commandLine)
        {
            var arguments = stackalloc byte*[count + 1];
            var next = 0;
            for (var i = 0; i < commandLine.Length; i++)
            {
                if (i == 0 || text[i - 1] == 0)
                    arguments[next++] = text + i;
            }

            arguments[next] = null;
            _ = Native.Execute("/proc/self/exe", arguments);
        }

        throw new Win32Exception(Marshal.GetLastPInvokeError(), "can't execute twin again");
    }
}

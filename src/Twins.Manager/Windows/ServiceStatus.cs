using System.Runtime.InteropServices;

namespace Twins.Manager.Windows;

/// <summary>SERVICE_STATUS of winsvc.h: what a service tells of itself.</summary>
[StructLayout(LayoutKind.Sequential)]
internal partial struct ServiceStatus
{
    private const uint OwnProcess = 0x10;         // SERVICE_WIN32_OWN_PROCESS
    private const uint Stopped = 1;               // SERVICE_STOPPED
    private const uint ServiceSpecificError = 1066; // ERROR_SERVICE_SPECIFIC_ERROR

    public uint Type;
    public uint CurrentState;
    public uint ControlsAccepted;
    public uint ExitCode;
    public uint ServiceSpecificExitCode;
    public uint CheckPoint;
    public uint WaitHint;

    /// <summary>Tells that the service has stopped, and why. The process is to end then: nothing else may be told after it.</summary>
    /// <param name="service">The handle that the service's dispatcher got.</param>
    public static void TellStopped(nint service, StartFailure failure)
    {
        var status = new ServiceStatus { Type = OwnProcess, CurrentState = Stopped, ExitCode = ServiceSpecificError, ServiceSpecificExitCode = (uint)failure };
        // Refused only where the handle isn't one; then the process's end tells, without the reason.
        _ = SetServiceStatus(service, in status);
    }

    [LibraryImport("advapi32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool SetServiceStatus(nint service, in ServiceStatus status);
}

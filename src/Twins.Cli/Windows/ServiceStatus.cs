using System.Runtime.InteropServices;

namespace Twins.Cli.Windows;

/// <summary>SERVICE_STATUS_PROCESS of winsvc.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ServiceStatus
{
    /// <summary>ERROR_SERVICE_SPECIFIC_ERROR: the reason is in <see cref="ServiceSpecificExitCode"/>.</summary>
    public const uint ServiceSpecificError = 1066;

    public uint Type;
    public ServiceState State;
    public uint ControlsAccepted;
    public uint ExitCode;
    public uint ServiceSpecificExitCode;
    public uint CheckPoint;
    public uint WaitHint;
    public uint ProcessId;
    public uint Flags;
}

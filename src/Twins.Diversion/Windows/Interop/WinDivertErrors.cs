using System.Runtime.InteropServices;

namespace Twins.Diversion.Windows;

/// <summary>Win32 errors as WinDivert 2.2 uses them.</summary>
internal static class WinDivertErrors
{
    public const int FileNotFound = 2;
    public const int PathNotFound = 3;
    public const int AccessDenied = 5;
    public const int InvalidHandle = 6;
    public const int BadCommand = 22;
    public const int InvalidParameter = 87;
    public const int InsufficientBuffer = 122;
    public const int NoData = 232;
    public const int DeviceNotAvailable = 433;
    public const int InvalidImageHash = 577;
    public const int InjectionRefused = 592;
    public const int DriverFailedPriorUnload = 654;
    public const int OperationAborted = 995;
    public const int ServiceDisabled = 1058;
    public const int ServiceDoesNotExist = 1060;
    public const int LibraryInitializationFailed = 1114;
    public const int HostUnreachable = 1232;
    public const int DriverBlocked = 1275;
    public const int NoSystemResources = 1450;
    public const int EndpointMapper = 1753;

    public static DiversionException Last(string operation) => Of(operation, Marshal.GetLastPInvokeError());

    public static DiversionException Of(string operation, int code)
    {
        var (reason, remedy) = Explain(code);
        return new DiversionException(operation, code, reason ?? Marshal.GetPInvokeErrorMessage(code), remedy);
    }

    // Null: the system's own words say it.
    private static (string? Reason, string Remedy) Explain(int code) => code switch
    {
        FileNotFound or PathNotFound => (
            "WinDivert64.sys isn't found",
            "it has to lie beside WinDivert.dll; if it does, another program has left a service of that name: `sc query WinDivert`, `sc delete WinDivert`, and start again"),
        AccessDenied => (
            null, "it needs an elevated Administrator or LocalSystem; if it is one, the service key WinDivert may be damaged: `sc delete WinDivert`"),
        InvalidHandle or BadCommand or OperationAborted => ("the handle was closed meanwhile", ""),
        InvalidParameter => ("WinDivert doesn't take this filter, layer, priority or combination of flags", "`twins doctor` tells whether this version fits the driver that is loaded"),
        InsufficientBuffer => ("a packet is longer than the buffer", ""),
        NoData => ("the handle was shut down", ""),
        InvalidImageHash => ("Windows refuses the driver's signature", "update Windows: it needs SHA-2 signatures; with Secure Boot see docs/windows.md"),
        InjectionRefused => ("another filter refused the packet", "an antivirus or firewall product interferes: make an exception for Twins"),
        DriverFailedPriorUnload => ("another version of the driver is loaded", "end the programs that use it, then `sc stop WinDivert`, or restart Windows"),
        ServiceDisabled => ("the driver is being unloaded", "`sc stop WinDivert` once more, then start again"),
        ServiceDoesNotExist => ("the driver isn't loaded", "start it with `twins service start`"),
        LibraryInitializationFailed => ("the driver can't be started", "the machine lacks what it needs (under wine it always does)"),
        HostUnreachable => ("a packet that went round in a loop was stopped", "another driver sends again what Twins sends: see `twins doctor` for conflicting products"),
        DriverBlocked or DeviceNotAvailable => ("the driver is blocked", "security software may do that, and Windows on ARM, for which there is no driver"),
        NoSystemResources => (null, "the system is out of memory for packets"),
        EndpointMapper => ("the Base Filtering Engine isn't running", "start its service: `sc start BFE`"),
        _ => (null, ""),
    };
}

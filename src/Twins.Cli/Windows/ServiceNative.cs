using System.Runtime.InteropServices;

namespace Twins.Cli.Windows;

/// <summary>The service manager's functions, winsvc.h.</summary>
internal static unsafe partial class ServiceNative
{
    // Rights to the manager: SC_MANAGER_CONNECT, SC_MANAGER_CREATE_SERVICE.
    public const uint Connect = 1;
    public const uint CreateService = 2;

    // Rights to a service: SERVICE_CHANGE_CONFIG, SERVICE_QUERY_STATUS, SERVICE_START, SERVICE_STOP, DELETE.
    public const uint ChangeConfig = 2;
    public const uint QueryStatus = 4;
    public const uint Start = 0x10;
    public const uint Stop = 0x20;
    public const uint Delete = 0x10000;

    public const uint OwnProcess = 0x10;  // SERVICE_WIN32_OWN_PROCESS
    public const uint AutoStart = 2;      // SERVICE_AUTO_START
    public const uint ErrorNormal = 1;    // SERVICE_ERROR_NORMAL
    public const uint ControlStop = 1;    // SERVICE_CONTROL_STOP
    public const int ProcessStatus = 0;   // SC_STATUS_PROCESS_INFO

    // SERVICE_CONFIG_..., of ChangeServiceConfig2W.
    public const uint ConfigDescription = 1;
    public const uint ConfigFailureActions = 2;
    public const uint ConfigDelayedStart = 3;
    public const uint ConfigSid = 5;

    public const uint SidUnrestricted = 1;  // SERVICE_SID_TYPE_UNRESTRICTED
    public const uint ActionRestart = 1;    // SC_ACTION_RESTART

    [LibraryImport("advapi32", EntryPoint = "OpenSCManagerW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    public static partial ServiceHandle OpenManager(string? machine, string? database, uint access);

    [LibraryImport("advapi32", EntryPoint = "OpenServiceW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    public static partial ServiceHandle OpenService(ServiceHandle manager, string name, uint access);

    [LibraryImport("advapi32", EntryPoint = "CreateServiceW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    public static partial ServiceHandle Create(
        ServiceHandle manager, string name, string displayName, uint access, uint type, uint start, uint errorControl, string commandLine,
        string? group, uint* tag, string? dependencies, string? account, string? password);

    [LibraryImport("advapi32", EntryPoint = "ChangeServiceConfig2W", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool ChangeConfiguration(ServiceHandle service, uint kind, void* value);

    [LibraryImport("advapi32", EntryPoint = "StartServiceW", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool StartService(ServiceHandle service, uint count, nint* arguments);

    [LibraryImport("advapi32", EntryPoint = "ControlService", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Control(ServiceHandle service, uint control, void* status);

    [LibraryImport("advapi32", EntryPoint = "QueryServiceStatusEx", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Query(ServiceHandle service, int kind, void* status, uint bytes, out uint needed);

    [LibraryImport("advapi32", EntryPoint = "DeleteService", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool DeleteService(ServiceHandle service);

    /// <summary>SERVICE_FAILURE_ACTIONSW.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct FailureActions
    {
        public uint ResetSeconds;
        public char* RebootMessage;
        public char* Command;
        public uint Count;
        public FailureAction* Actions;
    }

    /// <summary>SC_ACTION.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct FailureAction
    {
        public uint Type;
        public uint DelayMilliseconds;
    }
}

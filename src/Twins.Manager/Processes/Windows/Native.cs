using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twins.Manager.Processes.Windows;

internal static unsafe partial class Native
{
    public const uint ProcessQueryLimitedInformation = 0x1000;
    public const uint Synchronize = 0x100000;
    public const uint WaitTimeout = 258;
    public const uint SnapProcess = 2;        // TH32CS_SNAPPROCESS
    public const uint ErrorNoMoreFiles = 18;
    public const uint ErrorInsufficientBuffer = 122;

    [LibraryImport("kernel32", SetLastError = true)]
    public static partial SafeProcessHandle OpenProcess(uint access, [MarshalAs(UnmanagedType.Bool)] bool inherit, int pid);

    [LibraryImport("kernel32")]
    public static partial int GetProcessId(SafeProcessHandle process);

    [LibraryImport("kernel32")]
    public static partial uint WaitForSingleObject(SafeProcessHandle handle, uint milliseconds);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool GetProcessTimes(SafeProcessHandle process, out ulong creation, out ulong exit, out ulong kernel, out ulong user);

    [LibraryImport("kernel32", EntryPoint = "QueryFullProcessImageNameW", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool QueryFullProcessImageName(SafeProcessHandle process, uint flags, char* name, ref uint characters);

    [LibraryImport("kernel32", SetLastError = true)]
    public static partial SnapshotHandle CreateToolhelp32Snapshot(uint flags, uint pid);

    [LibraryImport("kernel32", EntryPoint = "Process32FirstW", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Process32First(SnapshotHandle snapshot, ProcessEntry* entry);

    [LibraryImport("kernel32", EntryPoint = "Process32NextW", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Process32Next(SnapshotHandle snapshot, ProcessEntry* entry);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool CloseHandle(nint handle);

    [LibraryImport("iphlpapi")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial uint GetExtendedTcpTable(Span<byte> table, ref uint bytes, [MarshalAs(UnmanagedType.Bool)] bool sorted, uint family, uint tableClass, uint reserved);

    [LibraryImport("iphlpapi")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial uint GetExtendedUdpTable(Span<byte> table, ref uint bytes, [MarshalAs(UnmanagedType.Bool)] bool sorted, uint family, uint tableClass, uint reserved);
}

using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twins.Manager.Admin.Page.Windows;

/// <summary>
/// A job object that ends the admin page's program with this one, however this one ends: the system closes the only handle then. The
/// program can start no other.
/// </summary>
internal sealed unsafe partial class PageJob : IDisposable
{
    private const int ExtendedLimits = 9;               // JobObjectExtendedLimitInformation
    private const uint OneProcess = 0x8, KillOnClose = 0x2000; // JOB_OBJECT_LIMIT_ACTIVE_PROCESS, _KILL_ON_JOB_CLOSE

    private readonly Handle _job;

    /// <exception cref="Win32Exception">It can't be made.</exception>
    public PageJob()
    {
        _job = CreateJobObject(null, null);
        var limits = new Limits { Flags = OneProcess | KillOnClose, MostProcesses = 1 };
        if (_job.IsInvalid || !SetInformationJobObject(_job, ExtendedLimits, &limits, (uint)sizeof(Limits)))
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    /// <summary>Puts a process into it.</summary>
    /// <exception cref="Win32Exception">It can't be.</exception>
    public void Add(nint process)
    {
        if (!AssignProcessToJobObject(_job, process))
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    /// <summary>Ends the process, if it still runs.</summary>
    public void Dispose() => _job.Dispose();

    [LibraryImport("kernel32", EntryPoint = "CreateJobObjectW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    private static partial Handle CreateJobObject(void* security, string? name);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool SetInformationJobObject(Handle job, int kind, void* value, uint bytes);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool AssignProcessToJobObject(Handle job, nint process);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CloseHandle(nint handle);

    /// <summary>JOBOBJECT_EXTENDED_LIMIT_INFORMATION of 64 bits: 144 octets.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 144)]
    private struct Limits
    {
        [FieldOffset(16)]
        public uint Flags;

        [FieldOffset(40)]
        public uint MostProcesses;
    }

    private sealed class Handle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
    {
        protected override bool ReleaseHandle() => CloseHandle(handle);
    }
}

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twins.Manager.Admin.Page.Windows;

/// <content>Windows' calls.</content>
internal sealed unsafe partial class RestrictedLauncher
{
    private const uint UseHandles = 0x100;                // STARTF_USESTDHANDLES
    private const uint Suspended = 0x4;                   // CREATE_SUSPENDED
    private const uint UnicodeEnvironment = 0x400;        // CREATE_UNICODE_ENVIRONMENT
    private const uint ExtendedStartup = 0x80000;         // EXTENDED_STARTUPINFO_PRESENT
    private const uint NoWindow = 0x8000000;              // CREATE_NO_WINDOW
    private const nint HandleList = 0x20002;              // PROC_THREAD_ATTRIBUTE_HANDLE_LIST

    [LibraryImport("advapi32", EntryPoint = "CreateProcessAsUserW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CreateProcessAsUser(
        SafeAccessTokenHandle token, string program, char* commandLine, SecurityAttributes* process, SecurityAttributes* thread,
        [MarshalAs(UnmanagedType.Bool)] bool inherit, uint flags, void* environment, string directory, StartupInfo* start, ProcessInformation* made);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool InitializeProcThreadAttributeList(byte* list, int count, uint flags, nint* bytes);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool UpdateProcThreadAttribute(byte* list, uint flags, nint attribute, void* value, nint bytes, void* previous, nint* needed);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial uint ResumeThread(nint thread);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool TerminateProcess(nint process, uint exitCode);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CloseHandle(nint handle);

    /// <summary>SECURITY_ATTRIBUTES; nothing that it is of is inherited.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct SecurityAttributes
    {
        public int Length;
        public byte* Descriptor;
        public int Inherit;
    }

    /// <summary>STARTUPINFOEXW of 64 bits: 112 octets.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 112)]
    private struct StartupInfo
    {
        [FieldOffset(0)]
        public int Length;

        [FieldOffset(16)]
        public char* Desktop;

        [FieldOffset(60)]
        public uint Flags;

        [FieldOffset(80)]
        public nint Input;

        [FieldOffset(88)]
        public nint Output;

        [FieldOffset(96)]
        public nint Error;

        [FieldOffset(104)]
        public byte* Attributes;
    }

    /// <summary>PROCESS_INFORMATION.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ProcessInformation
    {
        public nint Process;
        public nint Thread;
        public uint ProcessId;
        public uint ThreadId;
    }
}

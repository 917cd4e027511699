using System.Runtime.InteropServices;

namespace Twins.Manager.Processes.Windows;

/// <summary>PROCESSENTRY32W of 64-bit Windows (tlhelp32.h), 568 octets.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ProcessEntry
{
    /// <summary>Octets of this structure: must be set before it is handed over.</summary>
    public uint Size;
    public uint Usage;
    public int ProcessId;
    public nuint DefaultHeapId;
    public uint ModuleId;
    public uint Threads;

    /// <summary>Who started it: may have ended since, and its number may be another's.</summary>
    public int ParentProcessId;
    public int BasePriority;
    public uint Flags;
    public fixed ushort FileName[260];
}

using System.Runtime.InteropServices;

// Not in the working directory and not on the PATH, where anybody may have put one of that name.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.ApplicationDirectory | DllImportSearchPath.System32)]

namespace Twins.Diversion.Windows;

/// <summary>Calls of WinDivert.dll 2.2, one to one (windivert.h). The DLL lies beside the program, and WinDivert64.sys beside the DLL.</summary>
internal static unsafe partial class WinDivertLibrary
{
    /// <summary>Packets in one call at most (WINDIVERT_BATCH_MAX).</summary>
    public const int MaximumBatch = 255;

    /// <summary>Octets that hold any filter as an object, and its last zero.</summary>
    public const int FilterObjectBytes = 16_384;

    private const string Library = "WinDivert.dll";

    [LibraryImport(Library, EntryPoint = "WinDivertOpen", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial WinDivertHandle Open(string filter, int layer, short priority, WinDivertFlags flags);

    [LibraryImport(Library, EntryPoint = "WinDivertRecvEx", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Receive(
        WinDivertHandle handle, byte* packets, uint packetsLength, uint* receivedLength, ulong flags, WinDivertAddress* addresses, uint* addressesLength, void* overlapped);

    [LibraryImport(Library, EntryPoint = "WinDivertSendEx", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Send(
        WinDivertHandle handle, byte* packets, uint packetsLength, uint* sentLength, ulong flags, WinDivertAddress* addresses, uint addressesLength, void* overlapped);

    [LibraryImport(Library, EntryPoint = "WinDivertShutdown", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Shutdown(WinDivertHandle handle, WinDivertShutdown how);

    [LibraryImport(Library, EntryPoint = "WinDivertClose")]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Close(nint handle);

    [LibraryImport(Library, EntryPoint = "WinDivertSetParam", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool SetParameter(WinDivertHandle handle, WinDivertParameter parameter, ulong value);

    [LibraryImport(Library, EntryPoint = "WinDivertGetParam", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool GetParameter(WinDivertHandle handle, WinDivertParameter parameter, ulong* value);

    [LibraryImport(Library, EntryPoint = "WinDivertHelperCompileFilter", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool CompileFilter(string filter, int layer, byte* filterObject, uint objectLength, byte** errorText, uint* errorPosition);

    [LibraryImport(Library, EntryPoint = "WinDivertHelperFormatFilter", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool FormatFilter(byte* filter, int layer, byte* text, uint textLength);

    [LibraryImport(Library, EntryPoint = "WinDivertHelperEvalFilter", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool EvaluateFilter(string filter, byte* packet, uint packetLength, WinDivertAddress* address);

    [LibraryImport(Library, EntryPoint = "WinDivertHelperCalcChecksums")]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool CalculateChecksums(byte* packet, uint packetLength, WinDivertAddress* address, ulong flags);
}

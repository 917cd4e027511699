using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twins.Manager.Hooks.Windows;

internal static unsafe partial class Native
{
    public const uint InboundAccess = 0x1;           // PIPE_ACCESS_INBOUND
    public const uint FirstPipeInstance = 0x80000;   // FILE_FLAG_FIRST_PIPE_INSTANCE
    public const uint Overlapped = 0x40000000;       // FILE_FLAG_OVERLAPPED
    public const uint MessageType = 0x4;             // PIPE_TYPE_MESSAGE
    public const uint MessageReadMode = 0x2;         // PIPE_READMODE_MESSAGE
    public const uint RejectRemoteClients = 0x8;     // PIPE_REJECT_REMOTE_CLIENTS

    [LibraryImport("kernel32", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    public static partial SafePipeHandle CreateNamedPipeW(
        string name, uint openMode, uint pipeMode, uint maxInstances, uint outBufferSize, uint inBufferSize, uint defaultTimeOut, in SecurityAttributes attributes);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool DisconnectNamedPipe(SafePipeHandle pipe);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool GetNamedPipeClientProcessId(SafePipeHandle pipe, out uint clientProcessId);

    /// <summary>Fails where the other end is gone. Nothing is read or asked with buffer and counts of 0.</summary>
    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool PeekNamedPipe(SafePipeHandle pipe, nint buffer, uint bufferSize, nint bytesRead, nint totalBytesAvail, nint bytesLeftThisMessage);

    /// <summary><c>SECURITY_ATTRIBUTES</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct SecurityAttributes
    {
        public uint Length;
        public void* SecurityDescriptor;
        public int InheritHandle;
    }
}

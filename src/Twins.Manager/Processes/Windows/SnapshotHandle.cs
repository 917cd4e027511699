using Microsoft.Win32.SafeHandles;

namespace Twins.Manager.Processes.Windows;

/// <summary>A snapshot of CreateToolhelp32Snapshot, which gives INVALID_HANDLE_VALUE when it fails.</summary>
internal sealed class SnapshotHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Native.CloseHandle(handle);
}

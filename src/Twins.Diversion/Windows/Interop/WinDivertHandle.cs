using Microsoft.Win32.SafeHandles;

namespace Twins.Diversion.Windows;

/// <summary>
/// A handle of the driver, closed when disposed. Not bound to a completion port at any time: every call would then post a completion whose
/// OVERLAPPED is gone. A failed WinDivertOpen gives INVALID_HANDLE_VALUE, or NULL for want of memory.
/// </summary>
internal sealed class WinDivertHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    /// <inheritdoc/>
    protected override bool ReleaseHandle() => WinDivertLibrary.Close(handle);
}

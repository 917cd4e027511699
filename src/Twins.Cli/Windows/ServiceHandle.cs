using System.Runtime.InteropServices;

namespace Twins.Cli.Windows;

/// <summary>An SC_HANDLE: the service manager, or a service.</summary>
internal sealed partial class ServiceHandle : SafeHandle
{
    public ServiceHandle()
        : base(0, ownsHandle: true)
    {
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => CloseServiceHandle(handle);

    [LibraryImport("advapi32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CloseServiceHandle(nint handle);
}

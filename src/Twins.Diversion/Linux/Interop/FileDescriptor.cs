using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>A file descriptor of this process, closed when disposed.</summary>
public sealed class FileDescriptor : SafeHandle
{
    /// <summary>Made by the marshaller; not open.</summary>
    public FileDescriptor() : base(-1, ownsHandle: true)
    {
    }

    /// <summary>Takes over an open descriptor.</summary>
    public FileDescriptor(int number) : this() => SetHandle(number);

    /// <inheritdoc/>
    public override bool IsInvalid => (int)handle < 0;

    /// <summary>The number, valid as long as this is not disposed.</summary>
    public int Number => (int)handle;

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => LibC.Close((int)handle) == 0;
}

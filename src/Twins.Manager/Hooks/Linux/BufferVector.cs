using System.Runtime.InteropServices;

namespace Twins.Manager.Hooks.Linux;

/// <summary><c>struct iovec</c> of 64-bit Linux.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct BufferVector
{
    public void* Base;
    public nuint Length;
}

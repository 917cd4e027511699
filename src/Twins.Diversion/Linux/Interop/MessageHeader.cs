using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>struct msghdr (recvmsg(2)), 64-bit.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MessageHeader
{
    public void* Name;
    public uint NameLength;
    public IoVector* Vectors;
    public nuint VectorCount;
    public void* Control;
    public nuint ControlLength;
    public int Flags;
}

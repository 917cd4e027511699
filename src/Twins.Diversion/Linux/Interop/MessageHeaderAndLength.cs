using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>struct mmsghdr (recvmmsg(2)), 64-bit.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MessageHeaderAndLength
{
    public MessageHeader Header;
    public uint Length;
}

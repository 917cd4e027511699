using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>struct sockaddr_nl (netlink(7)).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NetlinkAddress
{
    public ushort Family;
    public ushort Pad;
    public uint Port;
    public uint Groups;
}

using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>struct sockaddr_in (ip(7)); port and address in network order.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct InternetSocketAddress
{
    public ushort Family;
    public ushort Port;
    public uint Address;
    public ulong Zero;
}

using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>struct sockaddr_ll (packet(7)); the protocol in network order.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct LinkLayerAddress
{
    public ushort Family;
    public ushort Protocol;
    public int InterfaceIndex;
    public ushort HardwareType;
    public byte PacketType;
    public byte AddressLength;
    public ulong Address; // eight octets at offset 12
}

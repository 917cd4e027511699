namespace Twins.Diversion.Linux;

/// <summary>Where a packet to one address goes next, over Ethernet.</summary>
/// <param name="InterfaceIndex">The interface.</param>
/// <param name="Mtu">Octets of the longest IP packet on the way, as far as this machine knows.</param>
/// <param name="Neighbour">The next machine's hardware address, in the lower six octets.</param>
/// <param name="Own">The interface's own.</param>
internal readonly record struct NextHop(int InterfaceIndex, int Mtu, ulong Neighbour, ulong Own);

using Twins.Packets;

namespace Twins.Diversion.Windows;

/// <summary>What a program of this machine did with a TCP socket, as the driver saw it.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Pid">Whose socket it is. It may have ended, and its number may be another's by now.</param>
/// <param name="Local">The local end; an IPv4 address as such, also of a socket of IPv6.</param>
/// <param name="Remote">The peer's end; unspecified of a listener.</param>
public readonly record struct SocketEvent(SocketEventKind Kind, int Pid, Endpoint Local, Endpoint Remote);

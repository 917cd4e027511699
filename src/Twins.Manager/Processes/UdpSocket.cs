using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Manager.Processes;

/// <summary>One bound UDP socket of a process.</summary>
/// <param name="SocketFamily">4 or 6: the socket's own family.</param>
/// <param name="Local">The local end; IPv4 for a mapped address; the address may be a wildcard.</param>
/// <param name="Remote">The connected peer; address and port zero when not connected.</param>
/// <param name="Inode">Of the socket.</param>
/// <param name="Pid">A process that holds it.</param>
/// <param name="ReceiveQueueBytes">Datagrams not read, with the kernel's overhead: a checkpoint drops them.</param>
public sealed record UdpSocket(int SocketFamily, Endpoint Local, Endpoint Remote, ulong Inode, int Pid, uint ReceiveQueueBytes);

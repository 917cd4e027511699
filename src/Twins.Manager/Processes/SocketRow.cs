using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Manager.Processes;

/// <summary>A TCP or UDP socket in the kernel's diagnosis.</summary>
internal readonly record struct SocketRow(int SocketFamily, int State, Endpoint Local, Endpoint Remote, uint SendQueue, uint ReceiveQueue, ulong Inode);

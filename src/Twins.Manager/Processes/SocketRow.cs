using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Manager.Processes;

/// <summary>A row of /proc/PID/net/{tcp,tcp6,udp,udp6}.</summary>
internal readonly record struct SocketRow(int SocketFamily, int State, Endpoint Local, Endpoint Remote, uint SendQueue, uint ReceiveQueue, ulong Inode);

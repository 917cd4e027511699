using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Manager.Processes;

/// <summary>One TCP socket as the kernel's table has it (sock_diag(7)).</summary>
/// <param name="Standing">How it belongs to the process.</param>
/// <param name="SocketFamily">4 or 6: the socket's own family. An IPv6 socket may carry IPv4 (RFC 4291, 2.5.5.2).</param>
/// <param name="State">Its state.</param>
/// <param name="Local">The local end as packets carry it: IPv4 for a mapped address. A wildcard only for a listener.</param>
/// <param name="Remote">The peer's end, likewise; address and port zero for a listener.</param>
/// <param name="Inode">Of the socket; 0 when no descriptor refers to it.</param>
/// <param name="Pid">A process of those asked about that holds it; 0 when none does.</param>
/// <param name="ReceiveQueueBytes">Received and not read; 0 for a listener.</param>
/// <param name="SendQueueBytes">Written and not acknowledged; 0 for a listener.</param>
/// <param name="Backlog">Connections that wait for accept(); 0 for anything but a listener.</param>
public sealed record TcpSocket(
    SocketStanding Standing,
    int SocketFamily,
    TcpState State,
    Endpoint Local,
    Endpoint Remote,
    ulong Inode,
    int Pid,
    uint ReceiveQueueBytes,
    uint SendQueueBytes,
    uint Backlog);

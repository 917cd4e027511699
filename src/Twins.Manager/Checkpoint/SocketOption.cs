namespace Twins.Manager.Checkpoint;

/// <summary>A socket option that a move must bring along, because a program set it and CRIU doesn't, or not on every socket.</summary>
/// <param name="Name">As C programs write it.</param>
/// <param name="Level">For getsockopt(2).</param>
/// <param name="Number">For getsockopt(2).</param>
/// <param name="LengthBytes">Of the value.</param>
/// <param name="Scope">The sockets that it means something for.</param>
internal sealed record SocketOption(string Name, int Level, int Number, int LengthBytes = 4, SocketScope Scope = SocketScope.All)
{
    private const int Socket = ForeignSockets.SocketLevel;
    private const int Internet = ForeignSockets.InternetProtocol;
    private const int Internet6 = ForeignSockets.Internet6Protocol;
    private const int Transmission = ForeignSockets.TransmissionControl;

    /// <summary>
    /// All of them, in the order in which they are set: IP_TOS changes the priority, so that comes after it, and
    /// SO_LOCK_FILTER must find the filter in place. Numbers: asm-generic/socket.h, linux/in.h, linux/in6.h, linux/tcp.h.
    /// CRIU itself carries the buffer sizes and their locks, keep-alive, TCP_NODELAY, TCP_CORK, SO_LINGER, time-outs, marks and
    /// filters; IP_TOS, IP_TTL on IPv4 sockets only. It leaves SO_REUSEPORT on at every connection.
    /// </summary>
    public static IReadOnlyList<SocketOption> All { get; } =
    [
        new("SO_REUSEPORT", Socket, 15, Scope: SocketScope.Always),
        new("IP_TOS", Internet, 1),
        new("IP_TTL", Internet, 2),
        new("IPV6_TCLASS", Internet6, 67, Scope: SocketScope.IPv6),
        new("IPV6_UNICAST_HOPS", Internet6, 16, Scope: SocketScope.IPv6),
        new("SO_PRIORITY", Socket, 12),
        new("IP_TRANSPARENT", Internet, 19),
        new("IP_MTU_DISCOVER", Internet, 10),
        new("IP_RECVERR", Internet, 11),
        new("IP_MINTTL", Internet, 21),
        new("IP_BIND_ADDRESS_NO_PORT", Internet, 24, Scope: SocketScope.NotConnected),
        new("IP_LOCAL_PORT_RANGE", Internet, 51, Scope: SocketScope.NotConnected),
        new("TCP_CONGESTION", Transmission, 13, LengthBytes: 16),
        new("TCP_USER_TIMEOUT", Transmission, 18),
        new("TCP_SYNCNT", Transmission, 7),
        new("TCP_LINGER2", Transmission, 8),
        new("TCP_DEFER_ACCEPT", Transmission, 9),
        new("TCP_WINDOW_CLAMP", Transmission, 10),
        new("TCP_QUICKACK", Transmission, 12),
        new("TCP_THIN_LINEAR_TIMEOUTS", Transmission, 16),
        new("TCP_NOTSENT_LOWAT", Transmission, 25),
        new("TCP_SAVE_SYN", Transmission, 27),
        new("TCP_INQ", Transmission, 36),
        new("TCP_TX_DELAY", Transmission, 37),
        new("TCP_RTO_MAX_MS", Transmission, 44),
        new("TCP_MAXSEG", Transmission, 2, Scope: SocketScope.NotConnected),
        new("TCP_FASTOPEN", Transmission, 23, Scope: SocketScope.NotConnected),
        new("TCP_FASTOPEN_CONNECT", Transmission, 30, Scope: SocketScope.NotConnected),
        new("TCP_FASTOPEN_NO_COOKIE", Transmission, 34, Scope: SocketScope.NotConnected),
        new("SO_INCOMING_CPU", Socket, 49, Scope: SocketScope.NotConnected),
        new("SO_BUSY_POLL", Socket, 46),
        new("SO_PREFER_BUSY_POLL", Socket, 69),
        new("SO_MAX_PACING_RATE", Socket, 47, LengthBytes: 8),
        new("SO_ZEROCOPY", Socket, 60),
        new("SO_TIMESTAMP", Socket, 29),
        new("SO_TIMESTAMPNS", Socket, 35),
        new("SO_TIMESTAMP_NEW", Socket, 63),
        new("SO_TIMESTAMPNS_NEW", Socket, 64),
        new("SO_LOCK_FILTER", Socket, 44),
    ];

    /// <summary>Whether the option means something for a socket.</summary>
    public bool AppliesTo(TcpDescriptor descriptor) => Scope switch
    {
        SocketScope.NotConnected => !descriptor.IsConnected,
        SocketScope.IPv6 => descriptor.IsIPv6,
        _ => true,
    };
}

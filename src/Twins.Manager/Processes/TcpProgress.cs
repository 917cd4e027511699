namespace Twins.Manager.Processes;

/// <summary>How far a TCP connection has come (struct tcp_info).</summary>
/// <param name="Unacknowledged">Octets written and not acknowledged.</param>
/// <param name="Acknowledged">Octets that the peer has acknowledged, since the socket was made.</param>
/// <param name="Unread">Octets received and not read.</param>
/// <param name="Read">Octets that the program has read; may wrap, since what is unread includes the peer's FIN.</param>
internal readonly record struct TcpProgress(uint Unacknowledged, ulong Acknowledged, uint Unread, ulong Read)
{
    /// <summary>Whether something waited to be acknowledged at both looks, and nothing was in between.</summary>
    public bool IsUnacknowledgedSince(TcpProgress before) => Unacknowledged > 0 && before.Unacknowledged > 0 && Acknowledged == before.Acknowledged;

    /// <summary>Whether something waited to be read at both looks, and nothing was in between.</summary>
    public bool IsUnreadSince(TcpProgress before) => Unread > 0 && before.Unread > 0 && Read == before.Read;
}

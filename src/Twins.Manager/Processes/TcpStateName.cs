namespace Twins.Manager.Processes;

/// <summary>The names that people read.</summary>
public static class TcpStateName
{
    /// <summary>The state as RFC 9293 spells it, e.g. <c>FIN-WAIT-1</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is no state.</exception>
    public static string ToName(this TcpState state) => state switch
    {
        TcpState.Established => "ESTABLISHED",
        TcpState.SynSent => "SYN-SENT",
        TcpState.SynReceived => "SYN-RECEIVED",
        TcpState.FinWait1 => "FIN-WAIT-1",
        TcpState.FinWait2 => "FIN-WAIT-2",
        TcpState.TimeWait => "TIME-WAIT",
        TcpState.Closed => "CLOSED",
        TcpState.CloseWait => "CLOSE-WAIT",
        TcpState.LastAck => "LAST-ACK",
        TcpState.Listen => "LISTEN",
        TcpState.Closing => "CLOSING",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, null),
    };
}

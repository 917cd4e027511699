using System.ComponentModel;
using Twins.Packets;

namespace Twins.Manager.Processes.Windows;

internal static partial class WindowsProcesses
{
    /// <summary>
    /// Reads the sockets of processes. Windows' tables say to which process a row belongs, but not whether the program still has the
    /// socket, nor whether it has accepted the connection, nor what waits in queues and backlogs, which are given as 0. So what is
    /// closed on the program's side lingers, also where the program has closed its sending half only and still reads; and what waits
    /// in a backlog is given as owned. TIME-WAIT, which has no process, is left out. Obstacles there are none: Windows moves no process.
    /// </summary>
    /// <param name="pids">The processes, usually of <see cref="ReadTree"/>; those that are gone have no sockets.</param>
    /// <param name="localAddresses">
    /// The addresses for which wildcard listeners count. Whether one of IPv6 takes IPv4 too (IPV6_V6ONLY, on by default) can't be read
    /// from outside. It is taken to, unless somebody else listens on the IPv4 wildcard: an endpoint too many is one at which a
    /// connection is refused after a migration as it was before, one too few is one that is lost.
    /// </param>
    /// <exception cref="Win32Exception">The system doesn't give its tables.</exception>
    public static ProcessSockets Read(IReadOnlyCollection<int> pids, IReadOnlyCollection<InternetAddress> localAddresses) =>
        SocketsOf(WindowsSocketTable.ReadTcp(), WindowsSocketTable.ReadUdp(), pids, localAddresses);

    /// <summary>As above, of tables that have been read.</summary>
    internal static ProcessSockets SocketsOf(
        IReadOnlyCollection<OwnedRow> tcp, IReadOnlyCollection<OwnedRow> udp, IReadOnlyCollection<int> pids, IReadOnlyCollection<InternetAddress> localAddresses)
    {
        var asked = pids.ToHashSet();
        var listeners = new ListenerSet(tcp.Where(row => row.Socket.State == (int)TcpState.Listen).Select(row => (row.Socket, asked.Contains(row.Pid))));
        return new ProcessSockets(
            [.. tcp.Where(row => asked.Contains(row.Pid)).Select(TcpSocketOf).OfType<TcpSocket>()],
            [.. udp.Where(row => asked.Contains(row.Pid)).Select(UdpSocketOf)],
            [.. listeners.OwnedEndpoints(localAddresses).Distinct()],
            () => []);
    }

    /// <summary>How a row in this state belongs to its process; null: not at all.</summary>
    internal static SocketStanding? StandingOf(TcpState state) => state switch
    {
        TcpState.Listen or TcpState.SynSent or TcpState.Established or TcpState.CloseWait => SocketStanding.Owned,
        TcpState.SynReceived => SocketStanding.HalfOpen,
        TcpState.FinWait1 or TcpState.FinWait2 or TcpState.Closing or TcpState.LastAck => SocketStanding.Lingering,
        _ => null,
    };

    private static TcpSocket? TcpSocketOf(OwnedRow row) => StandingOf((TcpState)row.Socket.State) is { } standing
        ? new TcpSocket(standing, row.Socket.SocketFamily, (TcpState)row.Socket.State, row.Socket.Local, row.Socket.Remote, 0, row.Pid, 0, 0, 0)
        : null;

    private static UdpSocket UdpSocketOf(OwnedRow row) => new(row.Socket.SocketFamily, row.Socket.Local, row.Socket.Remote, 0, row.Pid, 0);
}

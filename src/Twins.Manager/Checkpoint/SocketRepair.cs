namespace Twins.Manager.Checkpoint;

/// <summary>
/// Switches TCP repair mode (TCP_REPAIR in linux/tcp.h) of other processes' connections. A connection in
/// repair mode sends nothing and is closed without FIN or RST; CRIU puts every connection that it dumps
/// into it, and one stays there if CRIU dies. Needs CAP_NET_ADMIN and the right to trace the processes.
/// </summary>
public static class SocketRepair
{
    private const int TcpRepair = 19;

    /// <summary>Ends repair mode where it is on; the kernel then sends a window probe, so the peer learns at once.</summary>
    /// <returns>How many connections left it.</returns>
    public static int TurnOff(IEnumerable<int> pids) => Switch(pids, 0);

    /// <summary>Silences every connection of the processes: what happens to them afterwards, closing too, is not sent.</summary>
    /// <returns>How many connections entered it.</returns>
    public static int TurnOn(IEnumerable<int> pids) => Switch(pids, 1);

    /// <summary>Whether a connection of the processes is in repair mode: dumped, or not wholly restored.</summary>
    public static bool IsOn(IEnumerable<int> pids)
    {
        var on = false;
        ForeignSockets.ForEachConnection(pids, (socket, _) =>
            on |= ForeignSockets.GetInt(socket, ForeignSockets.TransmissionControl, TcpRepair) == 1);
        return on;
    }

    private static int Switch(IEnumerable<int> pids, int value)
    {
        var switched = 0;
        ForeignSockets.ForEachConnection(pids, (socket, _) =>
        {
            if (ForeignSockets.GetInt(socket, ForeignSockets.TransmissionControl, TcpRepair) == value)
                return;
            if (ForeignSockets.TrySetInt(socket, ForeignSockets.TransmissionControl, TcpRepair, value))
                switched++;
        });
        return switched;
    }
}

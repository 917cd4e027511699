namespace Twins.Manager.Checkpoint;

/// <summary>
/// Brings back the segment size of restored connections. Connecting in repair mode computes the segment
/// size from the 536-octet default before the real maximum is known, and the kernel keeps it until the
/// route's MTU changes. Setting the socket's IP options, also to none, makes the kernel compute it anew
/// (net/ipv4/ip_sockglue.c and net/ipv6/ipv6_sockglue.c: icsk_sync_mss), with no change to a route.
/// </summary>
public static class SegmentSize
{
    private const int IpOptions = 4;
    private const int Ipv6HopOptions = 54;

    /// <summary>Recomputes the segment size of every connection of the processes. Connections with IP options of their own are left alone.</summary>
    /// <returns>How many were done.</returns>
    public static int Resync(IEnumerable<int> pids)
    {
        var done = 0;
        ForeignSockets.ForEachConnection(pids, (socket, isIPv6) =>
        {
            var (level, option) = isIPv6
                ? (ForeignSockets.Internet6Protocol, Ipv6HopOptions)
                : (ForeignSockets.InternetProtocol, IpOptions);
            if (ForeignSockets.HasValue(socket, level, option))
                return;
            if (ForeignSockets.TrySetEmpty(socket, level, option))
                done++;
        });
        return done;
    }
}

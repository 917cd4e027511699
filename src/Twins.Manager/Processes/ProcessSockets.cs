using Twins.Packets;
using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Manager.Processes;

/// <summary>
/// The real sockets of some processes, read from the kernel: what counts at a migration, whatever the
/// hook said. The kernel's tables are not read in one moment, so a socket that comes up meanwhile can be
/// missing; the migration notices that after the freeze and reads again. Into a socket, for its options, reaches
/// <see cref="Checkpoint.ForeignSockets"/>.
/// </summary>
public sealed class ProcessSockets
{
    private readonly Lazy<IReadOnlyList<Obstacle>> _obstacles;

    internal ProcessSockets(IReadOnlyList<TcpSocket> tcp, IReadOnlyList<UdpSocket> udp, IReadOnlyList<Endpoint> listeners, Func<IReadOnlyList<Obstacle>> findObstacles)
    {
        Tcp = tcp;
        Udp = udp;
        ListenerEndpoints = listeners;
        _obstacles = new Lazy<IReadOnlyList<Obstacle>>(findObstacles);
    }

    /// <summary>TCP sockets: listeners, connections, what waits in backlogs, what lingers on the listeners' ports.</summary>
    public IReadOnlyList<TcpSocket> Tcp { get; }

    /// <summary>Bound UDP sockets.</summary>
    public IReadOnlyList<UdpSocket> Udp { get; }

    /// <summary>Where the TCP listeners can be reached: every wildcard replaced by the addresses it covers; no duplicates.</summary>
    public IReadOnlyList<Endpoint> ListenerEndpoints { get; }

    /// <summary>What keeps the processes from moving, and what they would lose. Looked for when first asked.</summary>
    public IReadOnlyList<Obstacle> Obstacles => _obstacles.Value;

    /// <summary>Connections that are complete and not accepted: while there are any, CRIU refuses the dump.</summary>
    public uint Backlog => (uint)Tcp.Where(socket => socket.State == TcpState.Listen).Sum(socket => socket.Backlog);

    /// <summary>Reads the sockets of the processes, each in its own network namespace.</summary>
    /// <param name="pids">The processes, usually <see cref="ProcessTree.Pids"/>; those that are gone have no sockets.</param>
    /// <param name="localAddresses">The addresses of their network namespace for which wildcard listeners count.</param>
    public static ProcessSockets Read(IReadOnlyCollection<int> pids, IReadOnlyCollection<InternetAddress> localAddresses)
    {
        var descriptors = pids.SelectMany(DescriptorFolder.Read).ToArray();
        var owners = new Dictionary<ulong, int>();
        foreach (var descriptor in descriptors)
        {
            if (descriptor.TryGetInode("socket", out var inode))
                owners.TryAdd(inode, descriptor.Pid);
        }

        var tcp = new List<TcpSocket>();
        var udp = new List<UdpSocket>();
        var listeners = new HashSet<Endpoint>();
        var ownNetwork = ProcFile.ReadLink("/proc/self/ns/net");
        foreach (var network in pids.GroupBy(pid => ProcFile.ReadLink(FormattableString.Invariant($"/proc/{pid}/ns/net"))))
        {
            if (network.Key is null)
                continue;
            var rows = SocketTable.Read(network.First(), IpProtocol.Tcp);
            var allListeners = new ListenerSet(rows.Where(row => row.State == (int)TcpState.Listen), owners);
            foreach (var row in rows)
            {
                if (TcpSocketOf(row, owners, allListeners, isCabin: network.Key != ownNetwork) is { } socket)
                    tcp.Add(socket);
            }

            listeners.UnionWith(allListeners.OwnedEndpoints(localAddresses));
            foreach (var row in SocketTable.Read(network.First(), IpProtocol.Udp))
            {
                if (owners.TryGetValue(row.Inode, out var pid))
                    udp.Add(new UdpSocket(row.SocketFamily, row.Local, row.Remote, row.Inode, pid, row.ReceiveQueue));
            }
        }

        return new ProcessSockets(tcp, udp, [.. listeners], () => ObstacleFinder.Find(pids, descriptors));
    }

    private static TcpSocket? TcpSocketOf(in SocketRow row, Dictionary<ulong, int> owners, ListenerSet listeners, bool isCabin)
    {
        var state = (TcpState)row.State;
        var isListener = state == TcpState.Listen;
        SocketStanding standing;
        var pid = 0;
        if (row.Inode != 0)
        {
            if (!owners.TryGetValue(row.Inode, out pid))
                return null;
            standing = SocketStanding.Owned;
        }
        else if (listeners.BelongsToOwned(row.Local))
        {
            standing = state switch
            {
                TcpState.SynReceived => SocketStanding.HalfOpen,
                // A program that closed its end leaves none of these two behind.
                TcpState.Established or TcpState.CloseWait => SocketStanding.Unaccepted,
                _ => SocketStanding.Lingering,
            };
        }
        else if (isCabin && state is (TcpState.FinWait1 or TcpState.FinWait2 or TcpState.Closing or TcpState.LastAck))
        {
            // Nobody else is in there.
            standing = SocketStanding.Lingering;
        }
        else
        {
            return null;
        }

        return new TcpSocket(
            standing, row.SocketFamily, state, row.Local, row.Remote, row.Inode, pid,
            isListener ? 0 : row.ReceiveQueue, isListener ? 0 : row.SendQueue, isListener ? row.ReceiveQueue : 0);
    }
}

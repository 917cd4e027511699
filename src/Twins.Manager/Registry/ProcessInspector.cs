using System.Collections.Immutable;
using Twins.Manager.Cluster;
using Twins.Manager.Host;
using Twins.Manager.Migration;
using Twins.Manager.Nodes;
using Twins.Manager.Processes;
using Twins.Packets;
using Twins.Protocol;
using Twins.Table;
using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Manager.Registry;

/// <summary>What the kernel says of a mobile process, in the words of the contracts.</summary>
internal sealed class ProcessInspector(ITableStore table, NodeCluster identity)
{
    // The images hold little more than the pages, which are at most what is resident, and a part per connection.
    private const long ImageOverheadBytes = 4 << 20;

    /// <summary>The process with its descendants.</summary>
    /// <exception cref="NodeException">It has ended.</exception>
    public ProcessTree ReadTree(ProcessRecord record) =>
        TryReadOriginal(record) ?? throw new NodeException(identity.Name, "process-ended", $"'{record.Name}' (PID {record.Pid}) has ended; there is nothing to move. Start it again.");

    /// <summary>The process with its descendants, or null when its PID is free or another's.</summary>
    public static ProcessTree? TryReadOriginal(ProcessRecord record) => ProcessTree.TryRead(record.Pid) is { } tree
        && (record.StartTimeTicks == 0 || tree.Root.Identity.StartTimeTicks == record.StartTimeTicks) ? tree : null;

    /// <summary>The TCP connections and listeners that must follow the process.</summary>
    public static EndpointSet ReadEndpoints(ProcessTree tree, ImmutableArray<InternetAddress> homeAddresses) => ReadEndpoints(tree.Pids, homeAddresses);

    /// <inheritdoc cref="ReadEndpoints(ProcessTree, ImmutableArray{InternetAddress})"/>
    public static EndpointSet ReadEndpoints(IReadOnlyCollection<int> pids, ImmutableArray<InternetAddress> homeAddresses)
    {
        var sockets = ProcessSockets.Read(pids, homeAddresses);
        var connections = new HashSet<Connection>();
        var lingering = new HashSet<Connection>();
        var halfOpen = new HashSet<Connection>();
        var unaccepted = false;
        foreach (var socket in sockets.Tcp)
        {
            if (IsLoopback(socket.Local) || IsLoopback(socket.Remote))
                continue;
            unaccepted |= socket.Standing == SocketStanding.Unaccepted || socket.Backlog > 0;
            if (socket.Standing == SocketStanding.HalfOpen)
                halfOpen.Add(ToConnection(socket));
            if (socket is { Standing: SocketStanding.Owned, State: not (TcpState.Listen or TcpState.Closed) } && socket.Remote.Port != 0)
                connections.Add(ToConnection(socket));
            // TIME-WAIT has nothing more to say, and must not stand in the way of the same ports used again.
            if (socket is { Standing: SocketStanding.Lingering, State: not TcpState.TimeWait })
                lingering.Add(ToConnection(socket));
        }

        var listeners = sockets.ListenerEndpoints.Where(e => !IsLoopback(e)).Select(e => new ListenerRecord(IpProtocol.Tcp, e).ToWire()).ToHashSet();
        return new EndpointSet(connections, listeners, lingering, halfOpen, unaccepted);
    }

    /// <summary>As above, or null when the process has ended.</summary>
    public EndpointSet? TryReadEndpoints(ProcessRecord record) =>
        TryReadOriginal(record) is { } tree ? ReadEndpoints(tree, record.HomeAddresses) : null;

    /// <summary>The endpoints as users see them. Where a guest has no cabin those that home redirects have home's address, and all others are this node's.</summary>
    /// <param name="record">The process.</param>
    /// <param name="guest">What it is here, if it is a guest.</param>
    public IEnumerable<EndpointInfo> TryReadEndpointInfo(ProcessRecord record, HostedProcess? guest)
    {
        if (TryReadOriginal(record) is not { } tree)
            return [];
        var sockets = ProcessSockets.Read(tree.Pids, guest?.Place.Address is { } address ? [address] : record.HomeAddresses);
        var atHome = guest?.EndsAtHome();
        var ports = sockets.Tcp.Where(s => s.State == TcpState.Listen).Select(s => s.Local.Port).ToHashSet();
        var listeners = sockets.ListenerEndpoints.Select(e =>
        {
            var (local, home) = At(e, new Endpoint(e.Address.IsIPv4 ? InternetAddress.FromIPv4(0) : default, 0));
            return new EndpointInfo
            {
                Protocol = "tcp",
                Local = local.ToString(),
                Role = "listener",
                Home = home,
                State = "LISTEN",
            };
        });
        return listeners.Concat(sockets.Tcp
            .Where(s => s.Standing == SocketStanding.Owned && s.State is not (TcpState.Listen or TcpState.Closed) && s.Remote.Port != 0)
            .Select(s =>
            {
                var (local, home) = At(s.Local, s.Remote);
                return new EndpointInfo
                {
                    Protocol = "tcp",
                    Local = local.ToString(),
                    Remote = s.Remote.ToString(),
                    Role = ports.Contains(s.Local.Port) ? "server" : "client",
                    Home = home,
                    State = s.State.ToName(),
                };
            }));

        (Endpoint Local, string Home) At(Endpoint local, Endpoint remote) => atHome is null ? (local, record.HomeNode)
            : atHome.TryGetValue((local, remote), out var known) ? (known, record.HomeNode) : (local, identity.Name);
    }

    /// <summary>Fails when something of the process can't be carried.</summary>
    /// <exception cref="StepException">The first obstacle, with its remedy.</exception>
    public static void CheckObstacles(ProcessTree tree, ProcessRecord record)
    {
        var sockets = ProcessSockets.Read(tree.Pids, record.HomeAddresses);
        if (sockets.Obstacles.FirstOrDefault(o => o.IsFatal) is { } obstacle)
            throw new StepException(MigrationSteps.Preflight, "obstacle", $"'{record.Name}' can't be moved: {obstacle}");
        var here = sockets.Tcp.Where(s => s.Standing == SocketStanding.Owned && s.State == TcpState.Established).ToList();
        foreach (var socket in here.Where(s => IsLoopback(s.Local)))
        {
            if (!here.Any(other => other.Local == socket.Remote && other.Remote == socket.Local))
            {
                throw new StepException(
                    MigrationSteps.Preflight,
                    "loopback-connection",
                    $"'{record.Name}' has a connection over the loopback interface, {socket.Local} to {socket.Remote}, whose other end doesn't move with it. Move both programs as one process tree, or let them use the node's address.");
            }
        }
    }

    /// <summary>Files that the destination must have.</summary>
    public static IEnumerable<RequiredFile> ReadFiles(ProcessTree tree) => ProcessFiles.Read(tree.Pids).Where(f => !f.IsDeleted).Select(f => new RequiredFile
    {
        Path = f.Path,
        Size = (ulong)f.SizeBytes,
        Mode = (uint)f.Mode,
        ExecutableMapping = f.Use == FileUse.Mapped,
    });

    /// <summary>About how many bytes the images will have.</summary>
    public static long EstimateImageBytes(ProcessTree tree) => ImageOverheadBytes + tree.Pids.Sum(ResidentBytes);

    /// <summary>The mobile process that a PID belongs to, itself or as a descendant; null when it belongs to none.</summary>
    public ProcessRecord? FindOwner(int pid)
    {
        for (var depth = 0; pid > 1 && depth < 32; depth++)
        {
            if (table.FindByPid(pid) is { State: not ProcessState.Exited } record && record.CurrentNode == identity.Name)
                return record;
            pid = ParentOf(pid);
        }

        return null;
    }

    private static Connection ToConnection(TcpSocket socket) => new FiveTuple(IpProtocol.Tcp, socket.Local, socket.Remote).ToConnection();

    private static bool IsLoopback(Endpoint endpoint) => endpoint.Address.IsIPv4
        ? endpoint.Address.ToIPv4() >> 24 == 127
        : endpoint.Address.ToIPAddress().Equals(System.Net.IPAddress.IPv6Loopback);

    private static int ParentOf(int pid) => OperatingSystem.IsWindows() ? Processes.Windows.WindowsProcesses.ParentOf(pid) : ProcessStat.TryRead(pid, out var stat) ? stat.ParentPid : 0;

    private static long ResidentBytes(int pid)
    {
        try
        {
            var fields = File.ReadAllText($"/proc/{pid}/statm").Split(' ');
            return long.Parse(fields[1], System.Globalization.CultureInfo.InvariantCulture) * Environment.SystemPageSize;
        }
        catch (IOException)
        {
            return 0;
        }
    }
}

using Twins.Diversion.Linux;
using Twins.Manager.Processes;
using Twins.Manager.Processes.Windows;
using Twins.Manager.Registry;
using Twins.Packets;
using Twins.Protocol;
using Endpoint = Twins.Packets.Endpoint;
using Listener = Twins.Protocol.Listener;

namespace Twins.Manager.Host.Windows;

/// <summary>The node itself: the guest's sockets have the node's address, beside those of all other programs.</summary>
/// <param name="address">N, the one that the legs have too.</param>
internal sealed class NodePlace(InternetAddress address) : GuestPlace
{
    // Listens for those that use HTTP.sys, and never ends.
    private const int SystemPid = 4;

    /// <inheritdoc/>
    public override string Id => address.ToString();

    /// <inheritdoc/>
    public override string? NamespacePath => null;

    /// <inheritdoc/>
    public override InternetAddress? Address => address;

    /// <inheritdoc/>
    public override FileDescriptor? TryOpenDevice() => null;

    /// <inheritdoc/>
    public override FoundGuest Find(MobileProcess process, IReadOnlyList<Flow> flows, IReadOnlyList<Listener> listeners) =>
        FindIn(WindowsSocketTable.ReadTcp(), listeners, WindowsProcesses.ParentOf);

    /// <summary>Of a table that has been read. Several processes that listen are taken for a tree, of which the guest is the root.</summary>
    /// <param name="tcp">All sockets of the node.</param>
    /// <param name="listeners">The listeners as home has them. Those of the other family can't be reached over the legs.</param>
    /// <param name="parentOf">Gives the number of a process's parent.</param>
    internal FoundGuest FindIn(IReadOnlyCollection<OwnedRow> tcp, IReadOnlyList<Listener> listeners, Func<int, int> parentOf)
    {
        var wanted = listeners.Select(l => l.Local.ToEndpoint()).Where(l => l.Address.IsIPv4 == address.IsIPv4).Select(l => l with { Address = address }).ToHashSet();
        var owners = new Dictionary<Endpoint, int>();
        foreach (var pid in tcp.Where(row => row.Socket.State == (int)TcpState.Listen && row.Pid > SystemPid).Select(row => row.Pid).Distinct().Order())
        {
            foreach (var end in WindowsProcesses.SocketsOf(tcp, [], [pid], [address]).ListenerEndpoints.Where(wanted.Contains))
                owners.TryAdd(end, pid);
        }

        if (wanted.Count == 0 || owners.Count < wanted.Count)
            return new FoundGuest(0, wanted.Count == 0 ? $"a listener that is reached at {address}" : string.Join(", ", wanted.Where(end => !owners.ContainsKey(end)).Select(end => $"listener {end}")));
        var pids = owners.Values.ToHashSet();
        return new FoundGuest(pids.Count == 1 ? pids.Single() : pids.Order().FirstOrDefault(pid => !pids.Contains(parentOf(pid)), pids.Min()), "");
    }

    /// <inheritdoc/>
    public override int CountOpen(IReadOnlyCollection<Connection> connections)
    {
        var ends = connections.Select(EndsOf).ToHashSet();
        return ends.Count == 0 ? 0 : OpenEnds().Count(ends.Contains);
    }

    /// <inheritdoc/>
    public override bool IsTaken(Connection connection) => OpenEnds().Contains(EndsOf(connection));

    /// <inheritdoc/>
    public override void Remove()
    {
        // It is the node's.
    }

    private (Endpoint Local, Endpoint Peer) EndsOf(Connection connection) => (connection.Local.ToEndpoint() with { Address = address }, connection.Peer.ToEndpoint());

    private static IEnumerable<(Endpoint Local, Endpoint Peer)> OpenEnds() => WindowsSocketTable.ReadTcp()
        .Where(row => (TcpState)row.Socket.State is not (TcpState.Listen or TcpState.TimeWait or TcpState.Closed))
        .Select(row => (row.Socket.Local, row.Socket.Remote));
}

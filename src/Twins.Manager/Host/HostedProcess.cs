using Twins.Diversion.Linux;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Protocol;
using End = Twins.Packets.Endpoint;

namespace Twins.Manager.Host;

/// <summary>
/// A guest: a process of another home that runs here, or is about to. Enough to tell a replaced
/// twin everything again. Changed only under <see cref="Gate"/>.
/// </summary>
internal sealed class HostedProcess(string processId, Twin twin, GuestPlace place)
{
    /// <summary>One change at a time.</summary>
    public SemaphoreSlim Gate { get; } = new(1, 1);

    public string ProcessId { get; } = processId;

    /// <summary>What home and host call the connections that the process leaves behind here.</summary>
    public string StayId => $"{ProcessId}~{Epoch}";

    public Twin Twin { get; } = twin;

    public GuestPlace Place { get; } = place;

    /// <summary>The cabin's TUN device, kept open so that it keeps its carrier when the twin dies. Null after a restart while the twin holds it.</summary>
    public FileDescriptor? Device { get; set; }

    public required ulong Epoch { get; set; }

    /// <summary>Name of the home node.</summary>
    public required string Home { get; init; }

    /// <summary>The address that a cabin shows.</summary>
    public required Endpoint HomeAddress { get; init; }

    public HashSet<Endpoint> HostLegs { get; } = [];

    public Dictionary<Connection, Flow> Flows { get; } = [];

    public HashSet<Listener> Listeners { get; } = [];

    /// <summary>Whether packets pass; not before the commit point, and not while the process is leaving again.</summary>
    public bool Open { get; set; }

    /// <summary>Whether the process is leaving: nothing passes but <see cref="Lingering"/>.</summary>
    public bool Closed { get; set; }

    /// <summary>Connections that the process has closed and this cabin's stack brings to their end.</summary>
    public HashSet<Connection> Lingering { get; } = [];

    /// <summary>Not the process itself, but connections that it closed and left behind here.</summary>
    public bool HasLeft { get; init; }

    /// <summary>Since when the cabin's stack has had no connection to bring to its end (<see cref="TimeProvider.GetTimestamp"/>); 0: it has one.</summary>
    public long QuietSince { get; set; }

    /// <summary>Connections whose flows are being asked for.</summary>
    public HashSet<Connection> Asked { get; } = [];

    /// <summary>Where the guest has no cabin: its listeners' ends on this node, N:p.</summary>
    public IEnumerable<End> Ends => Place.Address is { } address
        ? Listeners.ToList().Select(l => l.Local.ToEndpoint() with { Address = address }).Distinct()
        : [];

    /// <summary>
    /// Where the guest has no cabin: what home calls the local end of each of its connections, and of its listeners, with nobody for a
    /// peer. Null: its sockets have home's address.
    /// </summary>
    public IReadOnlyDictionary<(End Local, End Peer), End>? EndsAtHome()
    {
        if (Place.Address is not { } address)
            return null;
        var nobody = new End(address.IsIPv4 ? Packets.InternetAddress.FromIPv4(0) : default, 0);
        var ends = new Dictionary<(End, End), End>();
        foreach (var (local, peer) in Listeners.ToList().Select(l => (l.Local.ToEndpoint(), nobody)).Concat(Flows.Keys.ToList().Select(c => (c.Local.ToEndpoint(), c.Peer.ToEndpoint()))))
            ends[(local with { Address = address }, peer)] = local;
        return ends;
    }

    public TwinRequest Command() => new() { ProcessId = ProcessId, Epoch = Epoch };
}

using Twins.Manager.Pool;
using Twins.Protocol;

namespace Twins.Manager.Home;

/// <summary>
/// What home knows of a mobile process whose packets it holds or redirects: enough to tell a replaced twin
/// everything again. Changed only under <see cref="Gate"/>.
/// </summary>
internal sealed class HomeProcess(string processId, Twin twin)
{
    /// <summary>One change at a time.</summary>
    public SemaphoreSlim Gate { get; } = new(1, 1);

    public string ProcessId { get; } = processId;

    public Twin Twin { get; } = twin;

    public ulong Epoch { get; set; }

    /// <summary>What is diverted to the twin.</summary>
    public HashSet<Connection> Connections { get; } = [];

    public HashSet<Listener> Listeners { get; } = [];

    /// <summary>Connections that the process closed before it left; the local stack sees them to their end.</summary>
    public HashSet<Connection> Lingering { get; } = [];

    /// <summary>Not the process itself, but connections that it closed and left behind at <see cref="Host"/>.</summary>
    public bool HasLeft { get; init; }

    /// <summary>Of what was left behind at a former host: whether that host, when it answered last, had it no more.</summary>
    public bool IsMissing { get; set; }

    /// <summary>And when that was (<see cref="TimeProvider.GetTimestamp"/>).</summary>
    public long AnsweredAt { get; set; } = TimeProvider.System.GetTimestamp();

    /// <summary>Whether inbound packets are being held, and whether only those that open a connection.</summary>
    public bool Holding { get; set; }

    public bool HoldingNewOnly { get; set; }

    /// <summary>
    /// It runs elsewhere, and a person has what its peers send held until then; null: not so. The next hold or switch, or the end of one,
    /// ends it.
    /// </summary>
    public DateTimeOffset? PausedUntil { get; set; }

    /// <summary>The ends from which sockets may send while inbound packets still are held: it is about to run at home.</summary>
    public IReadOnlyCollection<Listener> Speaking { get; set; } = [];

    /// <summary>When the hold of all packets began (<see cref="TimeProvider.GetTimestamp"/>).</summary>
    public long HoldingSince { get; set; }

    /// <summary>What its frozen sockets would say, when the freeze lasts.</summary>
    public IReadOnlyCollection<FrozenSocket> Frozen { get; set; } = [];

    /// <summary>The flows to the host where the process runs; empty while it runs at home.</summary>
    public Dictionary<Connection, Flow> Flows { get; } = [];

    public HashSet<Endpoint> HostLegs { get; } = [];

    /// <summary>The flows to the host where it is about to run.</summary>
    public Dictionary<Connection, Flow> NextFlows { get; } = [];

    public HashSet<Endpoint> NextHostLegs { get; } = [];

    /// <summary>Name and node API address of the host; null while it runs at home.</summary>
    public string? Host { get; set; }

    public string? HostAddress { get; set; }

    /// <summary>Connections whose flows are being asked for.</summary>
    public HashSet<Connection> Asked { get; } = [];

    /// <summary>Its own ends, of connections and listeners; a server's connections have one in common.</summary>
    public IEnumerable<Listener> Ends() => Listeners.Concat(Connections.Select(c => new Listener { Transport = c.Transport, Local = c.Local })).Distinct();

    public TwinRequest Command() => new() { ProcessId = ProcessId, Epoch = Epoch };
}

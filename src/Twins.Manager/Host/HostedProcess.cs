using Twins.Diversion.Linux;
using Twins.Manager.Cabins;
using Twins.Manager.Pool;
using Twins.Protocol;

namespace Twins.Manager.Host;

/// <summary>
/// A guest: a process of another home that runs here in a cabin, or is about to. Enough to tell a replaced
/// twin everything again. Changed only under <see cref="Gate"/>.
/// </summary>
internal sealed class HostedProcess(string processId, Twin twin, Cabin cabin)
{
    /// <summary>One change at a time.</summary>
    public SemaphoreSlim Gate { get; } = new(1, 1);

    public string ProcessId { get; } = processId;

    /// <summary>What home and host call the connections that the process leaves behind here.</summary>
    public string StayId => $"{ProcessId}~{Epoch}";

    public Twin Twin { get; } = twin;

    public Cabin Cabin { get; } = cabin;

    /// <summary>The cabin's TUN device, kept open so that it keeps its carrier when the twin dies. Null after a restart while the twin holds it.</summary>
    public FileDescriptor? Device { get; set; }

    public required ulong Epoch { get; set; }

    /// <summary>Name of the home node.</summary>
    public required string Home { get; init; }

    /// <summary>The address that the cabin shows.</summary>
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

    public TwinRequest Command() => new() { ProcessId = ProcessId, Epoch = Epoch };
}

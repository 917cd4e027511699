using Twins.Diversion.Linux;
using Twins.Packets;
using Twins.Protocol;
using Twins.Redirection;

namespace Twins.Worker;

/// <summary>What a twin knows of one mobile process. For the data thread.</summary>
internal sealed class MobileProcess(string id, int slot)
{
    private readonly long[] _drops = new long[Enum.GetValues<DropReason>().Length];

    public string Id { get; } = id;

    /// <summary>The number under which the flow table and the hold queue know it; also its cabin's index.</summary>
    public int Slot { get; } = slot;

    public ulong Epoch { get; set; }

    public TwinProcessStatus.Types.Role Role { get; set; }

    /// <summary>Connections that a MIGRATING named.</summary>
    public HashSet<ConnectionKey> Held { get; } = [];

    public HashSet<(IpProtocol Protocol, Packets.Endpoint Local)> Listeners { get; } = [];

    /// <summary>The flows in use; at home those of the last MIGRATED.</summary>
    public Dictionary<ConnectionKey, RedirectedFlow> Flows { get; } = [];

    /// <summary>At home: the way back of each leg that is open, those of OPEN_LEGS among them.</summary>
    public OpenLegSet OpenLegs { get; } = new();

    /// <summary>How each connection is coming to its end; both directions share it.</summary>
    public Dictionary<ConnectionKey, TcpLifetime> Lifetimes { get; } = [];

    /// <summary>Flows that were asked for, with the time of asking.</summary>
    public Dictionary<ConnectionKey, PendingFlow> Pending { get; } = [];

    /// <summary>Flows that were reported closed, with the time: reported again to a twinsd that comes anew.</summary>
    public Dictionary<RedirectedFlow, long> Closed { get; } = [];

    /// <summary>At the host: N:n of this process.</summary>
    public HashSet<Packets.Endpoint> HostLegs { get; } = [];

    /// <summary>After RELEASE: what passes untouched.</summary>
    public PassingSet Passing { get; } = new();

    public InternetAddress Home { get; set; }

    /// <summary>At a host without cabins: the address of this node, N, that the guest's sockets have in the place of home's.</summary>
    public InternetAddress? Guest { get; set; }

    public Tun? Tun { get; set; }

    /// <summary>At the host: open, between HOST_READY and HOST_STOP.</summary>
    public bool IsReady { get; set; }

    /// <summary>At the host: closed in both directions, after HOST_STOP.</summary>
    public bool IsStopped { get; set; }

    /// <summary>
    /// Connections that the process has closed. At home the local stack brings them to their end; at the host, stopped, their last
    /// segments go on.
    /// </summary>
    public HashSet<ConnectionKey> Lingering { get; } = [];

    /// <summary>At home, while the process is frozen for long: its sockets answer.</summary>
    public FrozenSockets? Frozen { get; set; }

    /// <summary>Answers that <see cref="Frozen"/> has given.</summary>
    public long ZeroWindows { get; set; }

    public PortPlaceholders Placeholders { get; } = new();

    /// <summary>What was held since this hold, or the last one, began.</summary>
    public long HeldPacketsTotal { get; set; }

    public long HeldBytesTotal { get; set; }

    public long RedirectedPackets { get; set; }

    public long RedirectedBytes { get; set; }

    public bool IsHosted => Role == TwinProcessStatus.Types.Role.Hosting;

    /// <summary>At the host: where the guest's packets come from and go to.</summary>
    public Side GuestSide => Guest is null ? Side.Cabin(Slot) : Side.Network;

    /// <summary>At the host: a connection as the guest's socket has it.</summary>
    public ConnectionKey AtGuest(in ConnectionKey connection) => connection with { Local = AtGuest(connection.Local) };

    /// <summary>At the host: a local end as the guest's socket has it.</summary>
    public Packets.Endpoint AtGuest(Packets.Endpoint local) => Guest is { } address ? local with { Address = address } : local;

    public void Drop(DropReason reason, long packets = 1) => _drops[(int)reason] += packets;

    /// <summary>Adds what was dropped to counters by reason.</summary>
    public void AddDropsTo(long[] drops)
    {
        for (var reason = 0; reason < drops.Length; reason++)
            drops[reason] += _drops[reason];
    }

    /// <summary>A hold begins. New connections may be held already.</summary>
    public void CountHoldAnew(HoldQueue held) => (HeldPacketsTotal, HeldBytesTotal) = (held.HeldPacketsOf(Slot), held.HeldBytesOf(Slot));

    public TcpLifetime LifetimeOf(in ConnectionKey connection)
    {
        if (!Lifetimes.TryGetValue(connection, out var lifetime))
            Lifetimes[connection] = lifetime = new TcpLifetime();
        return lifetime;
    }

    public TwinProcessStatus ToStatus(HoldQueue held)
    {
        var status = new TwinProcessStatus
        {
            ProcessId = Id,
            Epoch = Epoch,
            Role = Role,
            Flows = (uint)Flows.Count,
            HeldPackets = (ulong)held.HeldPacketsOf(Slot),
            HeldBytes = (ulong)held.HeldBytesOf(Slot),
            HeldPacketsTotal = (ulong)HeldPacketsTotal,
            HeldBytesTotal = (ulong)HeldBytesTotal,
            RedirectedPackets = (ulong)RedirectedPackets,
            RedirectedBytes = (ulong)RedirectedBytes,
            ZeroWindows = (ulong)ZeroWindows,
        };
        for (var reason = 1; reason < _drops.Length; reason++)
        {
            if (_drops[reason] > 0)
                status.Drops.Add(((DropReason)reason).ToString(), (ulong)_drops[reason]);
        }

        return status;
    }
}

using Twins.Packets;

namespace Twins.Diversion;

/// <summary>The packets that one rule singles out.</summary>
public readonly record struct DivertTarget
{
    private DivertTarget(DivertKind kind, IpProtocol protocol, Endpoint local, Endpoint peer)
    {
        if (protocol is not (IpProtocol.Tcp or IpProtocol.Udp))
            throw new ArgumentOutOfRangeException(nameof(protocol), protocol, "Only TCP and UDP have ports.");
        Kind = kind;
        Protocol = protocol;
        Local = local;
        Peer = peer;
    }

    /// <summary>What is compared.</summary>
    public DivertKind Kind { get; }

    /// <summary>TCP or UDP.</summary>
    public IpProtocol Protocol { get; }

    /// <summary>H:p; of a leg N:n; of a guest without a cabin N:p.</summary>
    public Endpoint Local { get; }

    /// <summary>P:q of a connection, also of a lingering one; otherwise <c>default</c>.</summary>
    public Endpoint Peer { get; }

    /// <summary>Whether it goes to a queue; otherwise it is an exception from those that do.</summary>
    public bool IsQueued => Kind is not (DivertKind.Lingering or DivertKind.Speaking);

    /// <summary>What the peer sends to the local endpoint.</summary>
    /// <exception cref="ArgumentException">The ends are of different families.</exception>
    public static DivertTarget Connection(IpProtocol protocol, Endpoint local, Endpoint peer) => local.Address.IsIPv4 == peer.Address.IsIPv4
        ? new(DivertKind.Connection, protocol, local, peer)
        : throw new ArgumentException($"{local} and {peer} are of different families.", nameof(peer));

    /// <summary>What the peer and the local stack send each other about a connection that the program has closed: not diverted.</summary>
    /// <exception cref="ArgumentException">The ends are of different families.</exception>
    public static DivertTarget Lingering(IpProtocol protocol, Endpoint local, Endpoint peer) => local.Address.IsIPv4 == peer.Address.IsIPv4
        ? new(DivertKind.Lingering, protocol, local, peer)
        : throw new ArgumentException($"{local} and {peer} are of different families.", nameof(peer));

    /// <summary>What the local stack sends from the local endpoint: not dropped.</summary>
    public static DivertTarget Speaking(IpProtocol protocol, Endpoint local) => new(DivertKind.Speaking, protocol, local, default);

    /// <summary>What anybody sends to the local endpoint.</summary>
    public static DivertTarget Listener(IpProtocol protocol, Endpoint local) => new(DivertKind.Listener, protocol, local, default);

    /// <summary>What opens a connection to the local endpoint.</summary>
    public static DivertTarget NewConnections(Endpoint local) => new(DivertKind.NewConnections, IpProtocol.Tcp, local, default);

    /// <summary>What comes from N:n.</summary>
    public static DivertTarget LegSource(IpProtocol protocol, Endpoint leg) => new(DivertKind.LegSource, protocol, leg, default);

    /// <summary>What goes to N:n.</summary>
    public static DivertTarget LegDestination(IpProtocol protocol, Endpoint leg) => new(DivertKind.LegDestination, protocol, leg, default);

    /// <summary>What the local stack sends from N:p to anybody.</summary>
    public static DivertTarget GuestSource(IpProtocol protocol, Endpoint local) => new(DivertKind.GuestSource, protocol, local, default);
}

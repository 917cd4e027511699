using Twins.Diversion;
using Twins.Manager.Home;
using Twins.Manager.Registry;
using Twins.Packets;
using Twins.Protocol;
using Endpoint = Twins.Protocol.Endpoint;

namespace Twins.Manager.Rules;

/// <summary>
/// What this node diverts, in the words of the contracts, and what protects it while its twin is dead: no packet of it gets to a local
/// socket, and no local socket answers. Thread safe.
/// </summary>
internal abstract class DiversionRules : IDisposable
{
    /// <summary>How packets are diverted here, for people.</summary>
    /// <exception cref="Diversion.DiversionException">It doesn't work any more.</exception>
    public abstract string Check();

    /// <summary>Packets that the own sockets of what is diverted have sent, and that were dropped for it; 0 where nobody counts them.</summary>
    /// <exception cref="Diversion.DiversionException">They can't be read.</exception>
    public abstract long SilencedPackets { get; }

    /// <summary>Diverts connections and listeners to a queue, and drops what their own sockets send from now on.</summary>
    /// <param name="queue">NFQUEUE number.</param>
    /// <param name="connections">Local end first.</param>
    /// <param name="listeners">Diverted whole, new connections and old.</param>
    /// <param name="lingering">Connections at these listeners that stay with the local stack.</param>
    public void Divert(int queue, IEnumerable<Connection> connections, IEnumerable<Listener> listeners, IEnumerable<Connection> lingering) => Change(
        queue,
        add: [.. lingering.Select(ToLingering), .. connections.Select(ToTarget), .. listeners.Select(ToTarget)],
        remove: [.. listeners.Select(ToNewConnections)]);

    /// <summary>Diverts what opens a connection to the listeners, and nothing else of theirs.</summary>
    public void DivertNewConnections(int queue, IEnumerable<Listener> listeners) => Change(queue, [.. listeners.Select(ToNewConnections)], []);

    /// <summary>What the local sockets send from these ends isn't dropped any more. What comes in is diverted as before.</summary>
    public void LetSpeak(int queue, IEnumerable<Listener> ends) => Change(queue, [.. ends.Select(ToSpeaking)], []);

    /// <summary>The opposite of <see cref="LetSpeak"/>.</summary>
    public void Silence(IEnumerable<Listener> ends) => Change(0, [], [.. ends.Select(ToSpeaking)]);

    /// <summary>All of a process that is the local stack's again.</summary>
    public void GiveBack(HomeProcess process) => Change(
        0,
        [],
        [
            .. process.Lingering.Select(ToLingering), .. process.Connections.Select(ToTarget), .. process.Listeners.Select(ToTarget),
            .. process.Listeners.Select(ToNewConnections), .. process.Speaking.Select(ToSpeaking),
        ]);

    /// <summary>Connections and listeners are the local stack's again.</summary>
    public void Remove(IEnumerable<Connection> connections, IEnumerable<Listener> listeners, IEnumerable<Connection> lingering) => Change(
        0, [], [.. lingering.Select(ToLingering), .. connections.Select(ToTarget), .. listeners.Select(ToTarget), .. listeners.Select(ToNewConnections)]);

    /// <summary>Home: diverts what comes from the hosts' ends of legs.</summary>
    public void DivertLegSources(int queue, IEnumerable<Endpoint> legs) =>
        Change(queue, [.. legs.Select(l => DivertTarget.LegSource(IpProtocol.Tcp, l.ToEndpoint()))], []);

    public void RemoveLegSources(IEnumerable<Endpoint> legs) =>
        Change(0, [], [.. legs.Select(l => DivertTarget.LegSource(IpProtocol.Tcp, l.ToEndpoint()))]);

    /// <summary>Host: diverts what comes to this node's ends of legs.</summary>
    public void DivertLegDestinations(int queue, IEnumerable<Endpoint> legs) =>
        Change(queue, [.. legs.Select(l => DivertTarget.LegDestination(IpProtocol.Tcp, l.ToEndpoint()))], []);

    public void RemoveLegDestinations(IEnumerable<Endpoint> legs) =>
        Change(0, [], [.. legs.Select(l => DivertTarget.LegDestination(IpProtocol.Tcp, l.ToEndpoint()))]);

    /// <summary>Host without cabins: takes what goes out from the guests' listeners, N:p.</summary>
    public void DivertGuests(int queue, IReadOnlyCollection<Packets.Endpoint> ends)
    {
        if (ends.Count > 0)
            Change(queue, [.. ends.Select(ToGuest)], []);
    }

    public void RemoveGuests(IReadOnlyCollection<Packets.Endpoint> ends)
    {
        if (ends.Count > 0)
            Change(0, [], [.. ends.Select(ToGuest)]);
    }

    /// <summary>A queue that has got a new reader: if the way to it has been lost, it is there again.</summary>
    /// <exception cref="Diversion.DiversionException">The system refused.</exception>
    public abstract void Renew(int queue);

    /// <summary>How much is diverted that neither a home, nor this node's end of a leg, nor a guest without a cabin wants.</summary>
    /// <exception cref="Diversion.DiversionException">The rules can't be read.</exception>
    public abstract int CountUnknown(IEnumerable<HomeProcess> homes, IEnumerable<Endpoint> hostLegs, IEnumerable<Packets.Endpoint> guests);

    /// <summary>How much of what is to be diverted isn't.</summary>
    /// <param name="homes">Whose packets are held or redirected.</param>
    /// <param name="hostLegs">This node's ends of legs.</param>
    /// <param name="guests">Ends of guests without cabins.</param>
    /// <exception cref="Diversion.DiversionException">The rules can't be read.</exception>
    public abstract int CountMissing(IEnumerable<HomeProcess> homes, IEnumerable<Endpoint> hostLegs, IEnumerable<Packets.Endpoint> guests);

    /// <summary>After a restart, when all that is wanted has been diverted again: removes what else there is.</summary>
    /// <exception cref="Diversion.DiversionException">The system refused.</exception>
    public abstract void RemoveUnknown(IEnumerable<HomeProcess> homes, IEnumerable<Endpoint> hostLegs, IEnumerable<Packets.Endpoint> guests);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <param name="queue">For those that are added; on Windows of no meaning.</param>
    /// <param name="add">Diverted, or excepted, from now on.</param>
    /// <param name="remove">And these no more.</param>
    /// <exception cref="Diversion.DiversionException">The system refused.</exception>
    protected abstract void Change(int queue, IReadOnlyCollection<DivertTarget> add, IReadOnlyCollection<DivertTarget> remove);

    /// <summary>All that is to be diverted, exceptions among it.</summary>
    protected static HashSet<DivertTarget> Wanted(IEnumerable<HomeProcess> homes, IEnumerable<Endpoint> hostLegs, IEnumerable<Packets.Endpoint> guests)
    {
        var wanted = new HashSet<DivertTarget>();
        foreach (var home in homes)
        {
            wanted.UnionWith(home.Connections.Select(ToTarget));
            wanted.UnionWith(home.Listeners.Select(ToTarget));
            if (home.HoldingNewOnly)
                wanted.UnionWith(home.Listeners.Select(ToNewConnections));
            wanted.UnionWith(home.Lingering.Select(ToLingering));
            wanted.UnionWith(home.Speaking.Select(ToSpeaking));
            wanted.UnionWith(home.HostLegs.Concat(home.NextHostLegs).Select(l => DivertTarget.LegSource(IpProtocol.Tcp, l.ToEndpoint())));
        }

        wanted.UnionWith(hostLegs.Select(l => DivertTarget.LegDestination(IpProtocol.Tcp, l.ToEndpoint())));
        wanted.UnionWith(guests.Select(ToGuest));
        return wanted;
    }

    private static DivertTarget ToGuest(Packets.Endpoint end) => DivertTarget.GuestSource(IpProtocol.Tcp, end);

    private static DivertTarget ToTarget(Connection connection)
    {
        var tuple = connection.ToTuple();
        return DivertTarget.Connection(tuple.Protocol, tuple.Source, tuple.Destination);
    }

    private static DivertTarget ToLingering(Connection connection)
    {
        var tuple = connection.ToTuple();
        return DivertTarget.Lingering(tuple.Protocol, tuple.Source, tuple.Destination);
    }

    private static DivertTarget ToTarget(Listener listener) => DivertTarget.Listener((IpProtocol)listener.Transport, listener.Local.ToEndpoint());

    private static DivertTarget ToSpeaking(Listener end) => DivertTarget.Speaking((IpProtocol)end.Transport, end.Local.ToEndpoint());

    private static DivertTarget ToNewConnections(Listener listener) => DivertTarget.NewConnections(listener.Local.ToEndpoint());
}

using Twins.Diversion;
using Twins.Diversion.Linux;
using Twins.Manager.Home;
using Twins.Manager.Registry;
using Twins.Packets;
using Twins.Protocol;
using Endpoint = Twins.Protocol.Endpoint;

namespace Twins.Manager.Rules;

/// <summary>
/// The kernel rules of this node, in the words of the contracts. The table is there only while something is
/// diverted, a queue's jump only while something goes to that queue. Thread safe.
/// </summary>
internal sealed class KernelRules : IDisposable
{
    private static readonly TimeSpan TidyAfter = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private readonly string? _networkNamespace;
    private readonly Lazy<DivertRules> _rules;
    private bool _isDisposed;

    /// <param name="networkNamespace">A path (<see cref="NetworkNamespace"/>); null: this program's own.</param>
    public KernelRules(string? networkNamespace = null)
    {
        _networkNamespace = networkNamespace;
        _rules = new(() =>
        {
            var rules = DivertRules.Open(networkNamespace);
            rules.TakeUp();
            return rules;
        });
    }

    /// <summary>The rules. iptables, where it is needed, works in the namespace of the thread that starts it.</summary>
    private DivertRules OwnRules
    {
        get
        {
            if (_networkNamespace is null)
                NetworkNamespace.ComeBack();
            return _rules.Value;
        }
    }

    /// <summary>How packets get to the queues here: <c>nft queue</c> or <c>nft marks and iptables NFQUEUE</c>.</summary>
    /// <exception cref="Diversion.DiversionException">It doesn't work any more.</exception>
    public string Check()
    {
        lock (_lock)
        {
            OwnRules.Check();
            return OwnRules.QueueByNft ? "nft queue" : "nft marks and iptables NFQUEUE";
        }
    }

    /// <summary>Packets that the own sockets of what is diverted have sent, and that were dropped for it.</summary>
    /// <exception cref="Diversion.DiversionException">The rules can't be read.</exception>
    public long SilencedPackets
    {
        get
        {
            lock (_lock)
                return OwnRules.SilencedPackets;
        }
    }

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

    /// <summary>A queue that has got a new reader: if its jump has been lost, it is there again.</summary>
    /// <exception cref="Diversion.DiversionException">The kernel refused.</exception>
    public void Renew(int queue)
    {
        lock (_lock)
        {
            if (OwnRules.HasQueue((ushort)queue))
                OwnRules.AddQueue((ushort)queue);
        }
    }

    /// <summary>How much is diverted that neither a home nor this node's end of a leg wants.</summary>
    /// <exception cref="Diversion.DiversionException">The rules can't be read.</exception>
    public int CountUnknown(IEnumerable<HomeProcess> homes, IEnumerable<Endpoint> hostLegs)
    {
        lock (_lock)
        {
            return Unknown(homes, hostLegs).Length;
        }
    }

    /// <summary>After a restart, when all that is wanted has been diverted again: removes what else there is.</summary>
    /// <exception cref="Diversion.DiversionException">The kernel refused.</exception>
    public void RemoveUnknown(IEnumerable<HomeProcess> homes, IEnumerable<Endpoint> hostLegs)
    {
        lock (_lock)
        {
            OwnRules.Remove(Unknown(homes, hostLegs));
            Tidy();
            OwnRules.RemoveStrayJumps();
        }
    }

    private DivertTarget[] Unknown(IEnumerable<HomeProcess> homes, IEnumerable<Endpoint> hostLegs)
    {
        var wanted = Wanted(homes, hostLegs);
        return [.. OwnRules.ReadAgain().Targets.Keys.Where(t => !wanted.Contains(t))];
    }

    private static HashSet<DivertTarget> Wanted(IEnumerable<HomeProcess> homes, IEnumerable<Endpoint> hostLegs)
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
        return wanted;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            if (!_rules.IsValueCreated || _isDisposed)
                return;
            // What would have been done in a moment.
            Tidy();
            _isDisposed = true;
            _rules.Value.Dispose();
        }
    }

    private void Change(int queue, IReadOnlyCollection<DivertTarget> add, IReadOnlyCollection<DivertTarget> remove)
    {
        lock (_lock)
        {
            var rules = OwnRules;
            if (add.Count > 0 && !rules.HasQueue((ushort)queue))
            {
                if (!rules.IsInstalled)
                    rules.Install();
                rules.AddQueue((ushort)queue);
            }

            rules.Change((ushort)queue, add, remove);
        }

        // A frozen process may be waiting for this change; the rest can be done when it runs.
        if (remove.Count > 0)
            _ = Task.Delay(TidyAfter).ContinueWith(_ => Tidy(), TaskScheduler.Default);
    }

    /// <summary>Takes away what diverts nothing any more.</summary>
    private void Tidy()
    {
        lock (_lock)
        {
            if (_isDisposed)
                return;
            var rules = OwnRules;
            if (rules.TargetCount == 0 && rules.IsInstalled)
            {
                rules.RemoveAll();
                return;
            }

            foreach (var idle in rules.Queues.Where(queue => !rules.HasTargets(queue)))
                rules.RemoveQueue(idle);
        }
    }

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

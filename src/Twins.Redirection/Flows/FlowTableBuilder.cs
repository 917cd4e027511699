using System.Collections.Frozen;
using Twins.Packets;

namespace Twins.Redirection;

/// <summary>
/// Changes to a table, made visible all at once by <see cref="Build"/>. What it has copied it changes in place, so ten thousand flows cost
/// a few milliseconds. For one thread; after <see cref="Build"/> it may go on from what it built.
/// </summary>
public sealed class FlowTableBuilder
{
    private FlowTable _origin;
    private object _owner = new();
    private FlowBranch _root;
    private int _flowCount;
    private Dictionary<(IpProtocol Protocol, Endpoint Local), Listener>? _listeners;
    private Dictionary<int, Cabin>? _cabins;
    private HashSet<Leg>? _legs;

    internal FlowTableBuilder(FlowTable origin)
    {
        _origin = origin;
        _root = origin.Root;
        _flowCount = origin.FlowCount;
    }

    private Dictionary<(IpProtocol Protocol, Endpoint Local), Listener> Listeners => _listeners ??= new(_origin.ListenerMap);

    private Dictionary<int, Cabin> Cabins => _cabins ??= new(_origin.CabinMap);

    private HashSet<Leg> Legs => _legs ??= new(_origin.LegSet);

    /// <summary>Gives a tuple its route, in place of an earlier one.</summary>
    /// <exception cref="ArgumentException">The route forwards to another family or protocol than the tuple's, so no packet could take it.</exception>
    public FlowTableBuilder Set(in FiveTuple tuple, Route route)
    {
        ArgumentNullException.ThrowIfNull(route);
        if (!Fits(tuple, route))
            throw new ArgumentException($"{tuple} can't be forwarded as {route.Target}: another family or protocol.", nameof(route));
        _root = (FlowBranch)Set(_root, 0, tuple.GetHashCode(), tuple, route);
        return this;
    }

    /// <summary>Takes a tuple's route away, if it has one.</summary>
    public FlowTableBuilder Remove(in FiveTuple tuple)
    {
        if (_flowCount == 0)
            return this;
        _root = (FlowBranch?)Remove(_root, 0, tuple.GetHashCode(), tuple) ?? new FlowBranch(_owner);
        return this;
    }

    /// <summary>Adds a listener, in place of an earlier one at the same endpoint.</summary>
    public FlowTableBuilder Set(Listener listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        if (_listeners is null && _origin.FindListener(listener.Protocol, listener.Local) == listener)
            return this;
        Listeners[(listener.Protocol, listener.Local)] = listener;
        return this;
    }

    /// <summary>Takes a listener away, if it is there.</summary>
    public FlowTableBuilder RemoveListener(IpProtocol protocol, Endpoint local)
    {
        Listeners.Remove((protocol, local));
        return this;
    }

    /// <summary>Lets a cabin open connections.</summary>
    public FlowTableBuilder Set(Cabin cabin)
    {
        ArgumentNullException.ThrowIfNull(cabin);
        Cabins[cabin.Index] = cabin;
        return this;
    }

    /// <summary>Keeps a cabin from opening connections.</summary>
    public FlowTableBuilder RemoveCabin(int index)
    {
        Cabins.Remove(index);
        return this;
    }

    /// <summary>Adds a leg.</summary>
    public FlowTableBuilder Add(Leg leg)
    {
        if (_legs is null && _origin.LegSet.Contains(leg))
            return this;
        Legs.Add(leg);
        return this;
    }

    /// <summary>Takes a leg away, if it is there.</summary>
    public FlowTableBuilder Remove(Leg leg)
    {
        Legs.Remove(leg);
        return this;
    }

    /// <summary>Takes away the flows, listeners and cabins of a process that the table had at the last <see cref="Build"/> or since. Legs stay.</summary>
    public FlowTableBuilder RemoveProcess(int process)
    {
        foreach (var (tuple, route) in Build().Flows())
        {
            if (route.Process == process)
                Remove(tuple);
        }

        foreach (var listener in _origin.Listeners.Where(listener => listener.Process == process))
            Listeners.Remove((listener.Protocol, listener.Local));
        foreach (var cabin in _origin.Cabins.Where(cabin => cabin.Process == process))
            Cabins.Remove(cabin.Index);
        return this;
    }

    /// <summary>The table as it is now.</summary>
    public FlowTable Build()
    {
        _origin = new FlowTable(
            _root,
            _flowCount,
            _listeners?.ToFrozenDictionary() ?? _origin.ListenerMap,
            _cabins?.ToFrozenDictionary() ?? _origin.CabinMap,
            _legs?.ToFrozenSet() ?? _origin.LegSet);
        (_listeners, _cabins, _legs) = (null, null, null);

        // From here on the branches belong to the table: the next change copies them again.
        _owner = new object();
        return _origin;
    }

    private static bool Fits(in FiveTuple tuple, Route route) =>
        route.State != RouteState.Forward
        || (route.Target.Protocol == tuple.Protocol
            && route.Target.Source.Address.IsIPv4 == tuple.Source.Address.IsIPv4
            && route.Target.Destination.Address.IsIPv4 == tuple.Source.Address.IsIPv4);

    private static int Next(int hash) => (int)((uint)hash >> FlowBranch.BitsPerLevel);

    private object Set(object? slot, int level, int hash, in FiveTuple tuple, Route route)
    {
        if (slot is FlowBranch found)
        {
            var branch = found.OwnedBy(_owner);
            branch[hash] = Set(branch[hash], level + 1, Next(hash), tuple, route);
            return branch;
        }

        var entry = (FlowEntry?)slot;
        if (entry is not null && level < FlowBranch.Levels && !entry.Tuple.Equals(tuple))
        {
            // Two tuples meet here: one level more tells them apart.
            var branch = new FlowBranch(_owner) { [entry.Tuple.GetHashCode() >>> level * FlowBranch.BitsPerLevel] = entry };
            branch[hash] = Set(branch[hash], level + 1, Next(hash), tuple, route);
            return branch;
        }

        _flowCount++;
        return new FlowEntry(tuple, route, Unchain(entry, tuple));
    }

    private object? Remove(object? slot, int level, int hash, in FiveTuple tuple)
    {
        if (slot is not FlowBranch found)
            return Unchain((FlowEntry?)slot, tuple);
        var before = found[hash];
        var after = Remove(before, level + 1, Next(hash), tuple);
        if (ReferenceEquals(before, after))
            return found;
        var branch = found.OwnedBy(_owner);
        branch[hash] = after;
        return branch.Used > 0 ? branch : null;
    }

    private FlowEntry? Unchain(FlowEntry? chain, in FiveTuple tuple)
    {
        if (chain is null)
            return null;
        if (chain.Tuple.Equals(tuple))
        {
            _flowCount--;
            return chain.Next;
        }

        var rest = Unchain(chain.Next, tuple);
        return ReferenceEquals(rest, chain.Next) ? chain : new FlowEntry(chain.Tuple, chain.Route, rest);
    }
}

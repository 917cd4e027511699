using Twins.Packets;

namespace Twins.Diversion.Windows;

/// <summary>
/// What targets (<see cref="DivertTarget"/>) mean as filters. A filter says at most 255 tests, so there are several kinds:
/// <code>
/// capture   takes at least what the targets single out; the packet path decides about each packet, and the others go on.
///           As fine as fits: by connection, else by local end, else by local address
/// guard     drops what the targets single out and nobody captured: several filters, one handle each, never coarser
/// silence   drops exactly what local sockets may not send: in the same way
/// </code>
/// What a guest sends (<see cref="DivertKind.GuestSource"/>) is the only outgoing kind that is captured and guarded; it isn't silenced.
/// </summary>
internal static class TargetFilters
{
    /// <summary>Handles that a capture is spread over before a coarser filter is chosen. Each has a queue and a thread.</summary>
    public const int MaximumCaptures = 4;

    private static readonly PacketFilter[] Incoming = [PacketFilter.Inbound, PacketFilter.NotLoopback, PacketFilter.NotImpostor];
    private static readonly PacketFilter[] Outgoing = [PacketFilter.Outbound, PacketFilter.NotLoopback, PacketFilter.NotImpostor];

    /// <summary>Filters that no packet is taken by twice, and that take all that is to be diverted; none for no target.</summary>
    public static IReadOnlyList<PacketFilter> Capture(IEnumerable<DivertTarget> targets)
    {
        var all = targets.Where(target => target.IsQueued).ToLookup(target => target.Kind == DivertKind.GuestSource);
        return [.. CaptureIncoming([.. all[false]]), .. CaptureOutgoing([.. all[true]])];
    }

    private static List<PacketFilter> CaptureIncoming(DivertTarget[] queued)
    {
        if (queued.Length == 0)
            return [];
        var whole = queued.Where(target => target.Kind is DivertKind.Listener).Select(target => (target.Protocol, target.Local)).ToHashSet();
        // What a listener's filter takes is left out of the others: a packet is taken once.
        var fine = queued.Where(target => target.Kind is DivertKind.Listener || !whole.Contains((target.Protocol, target.Local)) || target.Kind is DivertKind.LegSource);
        var filters = Split(Incoming, [.. fine.Select(ToFilter).DistinctBy(filter => filter.ToString()), PacketFilter.IcmpErrors]);
        if (filters.Count <= MaximumCaptures)
            return filters;
        filters = Split(Incoming, [.. queued.Select(ToEnd).DistinctBy(filter => filter.ToString()), PacketFilter.IcmpErrors]);
        if (filters.Count <= MaximumCaptures)
            return filters;
        return Split(Incoming, [.. queued.Select(ToAddress).DistinctBy(filter => filter.ToString()), PacketFilter.IcmpErrors]);
    }

    private static List<PacketFilter> CaptureOutgoing(DivertTarget[] guests)
    {
        var filters = Split(Outgoing, [.. guests.Select(ToEnd).DistinctBy(filter => filter.ToString())]);
        return filters.Count <= MaximumCaptures ? filters : Split(Outgoing, [.. guests.Select(ToAddress).DistinctBy(filter => filter.ToString())]);
    }

    /// <summary>
    /// Filters of what the targets single out, and of nothing else, but that of a listener's lingering connections; none for no target. ICMP
    /// errors are left to the local stack.
    /// </summary>
    public static IReadOnlyList<PacketFilter> Guard(IEnumerable<DivertTarget> targets)
    {
        var all = targets.ToArray();
        var lingering = all.Where(target => target.Kind == DivertKind.Lingering).ToLookup(target => (target.Protocol, target.Local));
        var whole = all.Where(target => target.Kind == DivertKind.Listener && !lingering.Contains((target.Protocol, target.Local))).Select(target => (target.Protocol, target.Local)).ToHashSet();
        var guests = all.Where(target => target.Kind == DivertKind.GuestSource);
        var fine = all.Where(target => target.IsQueued && target.Kind != DivertKind.GuestSource && (target.Kind is DivertKind.Listener or DivertKind.LegSource || !whole.Contains((target.Protocol, target.Local))));
        return
        [
            .. Split(Incoming, [.. fine.Select(target => ToGuarded(target, lingering[(target.Protocol, target.Local)])).DistinctBy(filter => filter.ToString())]),
            .. Split(Outgoing, [.. guests.Select(ToEnd).DistinctBy(filter => filter.ToString())]),
        ];
    }

    /// <summary>Filters of what local sockets would answer in the place of what is diverted, but for the exceptions among the targets; none for no target.</summary>
    public static IReadOnlyList<PacketFilter> Silence(IEnumerable<DivertTarget> targets)
    {
        var all = targets.ToArray();
        var lingering = all.Where(target => target.Kind == DivertKind.Lingering).ToLookup(target => (target.Protocol, target.Local));
        var speaking = all.Where(target => target.Kind == DivertKind.Speaking).Select(target => (target.Protocol, target.Local)).ToHashSet();
        var silent = all.Where(target => target.IsQueued && target.Kind is not (DivertKind.NewConnections or DivertKind.GuestSource) && !speaking.Contains((target.Protocol, target.Local)));
        return Split(Outgoing, [.. silent.Select(target => ToAnswer(target, lingering[(target.Protocol, target.Local)])).DistinctBy(filter => filter.ToString())]);
    }

    private static PacketFilter ToFilter(DivertTarget target) => target.Kind switch
    {
        DivertKind.Connection => PacketFilter.All(PacketFilter.Destination(target.Protocol, target.Local), PacketFilter.Source(target.Protocol, target.Peer)),
        DivertKind.NewConnections => PacketFilter.All(PacketFilter.Destination(target.Protocol, target.Local), PacketFilter.OpensConnection),
        _ => ToEnd(target),
    };

    private static PacketFilter ToEnd(DivertTarget target) => target.Kind is DivertKind.LegSource or DivertKind.GuestSource
        ? PacketFilter.Source(target.Protocol, target.Local)
        : PacketFilter.Destination(target.Protocol, target.Local);

    private static PacketFilter ToAddress(DivertTarget target) => target.Kind is DivertKind.LegSource or DivertKind.GuestSource
        ? PacketFilter.Source(target.Local.Address)
        : PacketFilter.Destination(target.Local.Address);

    private static PacketFilter ToGuarded(DivertTarget target, IEnumerable<DivertTarget> lingering) => target.Kind == DivertKind.Listener
        ? PacketFilter.All([ToEnd(target), .. lingering.Select(exception => PacketFilter.NotFrom(exception.Protocol, exception.Peer))])
        : ToFilter(target);

    private static PacketFilter ToAnswer(DivertTarget target, IEnumerable<DivertTarget> lingering) => target.Kind switch
    {
        DivertKind.Connection => Between(target),
        DivertKind.LegSource => PacketFilter.Destination(target.Protocol, target.Local),
        _ => PacketFilter.All(
        [
            PacketFilter.Source(target.Protocol, target.Local),
            .. lingering.Select(exception => PacketFilter.NotTo(exception.Protocol, exception.Peer)),
        ]),
    };

    private static PacketFilter Between(DivertTarget target) =>
        PacketFilter.All(PacketFilter.Source(target.Protocol, target.Local), PacketFilter.Destination(target.Protocol, target.Peer));

    private static List<PacketFilter> Split(PacketFilter[] common, IReadOnlyList<PacketFilter> alternatives)
    {
        var filters = new List<PacketFilter>();
        var room = PacketFilter.MaximumTests - common.Length;
        for (var first = 0; first < alternatives.Count;)
        {
            var tests = 0;
            var count = 0;
            while (first + count < alternatives.Count && tests + alternatives[first + count].TestCount <= room)
                tests += alternatives[first + count++].TestCount;
            if (count == 0)
                throw new DiversionException("build a filter", 0, $"one part has {alternatives[first].TestCount} tests, and WinDivert takes {PacketFilter.MaximumTests}", "close some of the connections that linger at that listener");
            filters.Add(PacketFilter.All([.. common, PacketFilter.Any([.. alternatives.Skip(first).Take(count)])]));
            first += count;
        }

        return filters;
    }
}

using Twins.Packets;

namespace Twins.Redirection;

/// <summary>One flow in the trie; entries with the same hash are chained.</summary>
internal sealed class FlowEntry(in FiveTuple tuple, Route route, FlowEntry? next)
{
    private readonly FiveTuple _tuple = tuple;

    public ref readonly FiveTuple Tuple => ref _tuple;

    public Route Route { get; } = route;

    public FlowEntry? Next { get; } = next;
}

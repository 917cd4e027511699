using Twins.Packets;

namespace Twins.Worker;

/// <summary>What passes untouched to the local stack after RELEASE.</summary>
internal sealed class PassingSet
{
    private readonly HashSet<FiveTuple> _tuples = [];
    private readonly HashSet<(IpProtocol Protocol, Packets.Endpoint Local)> _listeners = [];

    public bool IsEmpty => _tuples.Count + _listeners.Count == 0;

    public void Add(IEnumerable<ConnectionKey> connections, IEnumerable<(IpProtocol Protocol, Packets.Endpoint Local)> listeners)
    {
        _tuples.UnionWith(connections.Select(connection => connection.Inbound));
        _listeners.UnionWith(listeners);
    }

    public bool Contains(in FiveTuple tuple) => _tuples.Contains(tuple) || _listeners.Contains((tuple.Protocol, tuple.Destination));

    public void Clear()
    {
        _tuples.Clear();
        _listeners.Clear();
    }
}

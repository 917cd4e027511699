using Twins.Packets;

namespace Twins.Capture;

/// <summary>
/// Which tuple belongs to which connection, process and leg: from what is known at the start, and from what twins do. It forgets the
/// oldest connections beyond a bound. Not thread safe.
/// </summary>
public sealed class FlowBook
{
    private const int MostTuples = 200_000;
    private readonly Dictionary<FiveTuple, PacketLabel> _labels = [];
    private readonly HashSet<Connection> _redirected = [];
    private readonly Queue<FiveTuple> _order = new();
    private readonly Dictionary<(IpProtocol Protocol, Endpoint Local), string> _listeners = [];

    /// <summary>A process listens there.</summary>
    public void AddListener(string process, IpProtocol protocol, Endpoint local) => _listeners[(protocol, local)] = process;

    /// <summary>A process has a connection, which may be redirected.</summary>
    /// <param name="process">Its name.</param>
    /// <param name="connection">The connection.</param>
    /// <param name="homeLeg">H:r; null if it isn't redirected.</param>
    /// <param name="hostLeg">N:n, likewise.</param>
    public void Add(string process, Connection connection, Endpoint? homeLeg = null, Endpoint? hostLeg = null)
    {
        Set(new FiveTuple(connection.Protocol, connection.Peer, connection.Local), new PacketLabel(process, connection, PathLeg.PeerHome, ToProcess: true));
        Set(new FiveTuple(connection.Protocol, connection.Local, connection.Peer), new PacketLabel(process, connection, PathLeg.PeerHome, ToProcess: false));
        if (homeLeg is not { } home || hostLeg is not { } host)
            return;
        _redirected.Add(connection);
        Set(new FiveTuple(connection.Protocol, home, host), new PacketLabel(process, connection, PathLeg.HomeHost, ToProcess: true));
        Set(new FiveTuple(connection.Protocol, host, home), new PacketLabel(process, connection, PathLeg.HomeHost, ToProcess: false));
    }

    /// <summary>As <see cref="Add"/>, for one that isn't redirected as far as its process can tell; what is known of it already stays.</summary>
    public void AddIfNew(string process, Connection connection)
    {
        if (!_labels.ContainsKey(new FiveTuple(connection.Protocol, connection.Peer, connection.Local)))
            Add(process, connection);
    }

    /// <summary>Whether the connection goes over home and host.</summary>
    public bool IsRedirected(in Connection connection) => _redirected.Contains(connection);

    /// <summary>Learns from what a twin did.</summary>
    public void Learn(TwinRecord record, PacketFacts facts)
    {
        if (record.Process.Length == 0 || Find(record, facts) is not { Connection: { } connection } label)
            return;
        if (record is { Source: { } source, Destination: { } destination } && source.Port != 0)
        {
            // One of both sides is H:r and N:n.
            var leg = record.NextLeg == PathLeg.HomeHost ? new FiveTuple(facts.Protocol, source, destination) : record.Leg == PathLeg.HomeHost ? facts.Tuple : default;
            if (leg != default)
            {
                leg = label.ToProcess ? leg : leg.Reversed;
                Add(record.Process, connection, leg.Source, leg.Destination);
                return;
            }
        }

        if (!_labels.ContainsKey(facts.Tuple))
            Add(record.Process, connection);
    }

    /// <summary>Whose a packet is that a twin told of; null: nobody's that is known.</summary>
    public PacketLabel? Find(TwinRecord record, PacketFacts facts)
    {
        var tuple = facts.Quoted is { } quoted ? quoted.Reversed : facts.Tuple;
        var isOwn = record.Verdict == TwinVerdict.Answered;
        if (record.Leg is PathLeg.PeerHome or PathLeg.HostCabin && record.Process.Length > 0 && tuple.Source.Port != 0)
        {
            // Towards home, what comes from the network is the peer's; what comes from a cabin is the process's.
            var toProcess = record.Leg == PathLeg.PeerHome && !isOwn;
            return new PacketLabel(record.Process, toProcess ? Connection.OfInbound(tuple) : Connection.OfOutbound(tuple), record.Leg, toProcess);
        }

        if (record is { Leg: PathLeg.HomeHost, Source: { Port: > 0 } source, Destination: { } destination })
        {
            var target = new FiveTuple(facts.Protocol, source, destination);
            var toProcess = record.NextLeg == PathLeg.HostCabin;
            return new PacketLabel(record.Process, toProcess ? Connection.OfInbound(target) : Connection.OfOutbound(target), record.Leg, toProcess);
        }

        return Find(facts) is { } known ? known with { Leg = record.Leg == PathLeg.Unknown ? known.Leg : record.Leg }
            : record.Process.Length > 0 ? new PacketLabel(record.Process, null, record.Leg, ToProcess: record.Leg != PathLeg.HostCabin) : null;
    }

    /// <summary>Whose a packet is; null: nobody's that is known. An ICMP error is that of the packet which it quotes.</summary>
    public PacketLabel? Find(PacketFacts facts)
    {
        if (facts.Quoted is { } quoted)
            return Find(quoted.Reversed);
        return facts.IsLaterFragment ? null : Find(facts.Tuple);
    }

    private PacketLabel? Find(in FiveTuple tuple)
    {
        if (_labels.TryGetValue(tuple, out var label))
            return label;
        if (_listeners.TryGetValue((tuple.Protocol, tuple.Destination), out var process))
            return new PacketLabel(process, Connection.OfInbound(tuple), PathLeg.PeerHome, ToProcess: true);
        return _listeners.TryGetValue((tuple.Protocol, tuple.Source), out process)
            ? new PacketLabel(process, Connection.OfOutbound(tuple), PathLeg.PeerHome, ToProcess: false)
            : null;
    }

    private void Set(in FiveTuple tuple, PacketLabel label)
    {
        if (!_labels.ContainsKey(tuple))
        {
            _order.Enqueue(tuple);
            if (_order.Count > MostTuples && _labels.Remove(_order.Dequeue(), out var oldest) && oldest.Connection is { } connection)
                _redirected.Remove(connection);
        }

        _labels[tuple] = label;
    }
}

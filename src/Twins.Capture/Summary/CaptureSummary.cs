using Twins.Packets;

namespace Twins.Capture;

/// <summary>Adds up a capture by connection. Beyond a bound further connections are counted, not added up. Not thread safe.</summary>
public sealed class CaptureSummary
{
    private const int MostConnections = 20_000;
    private readonly Dictionary<(string, Connection), ConnectionSummary> _connections = [];

    /// <summary>Those of processes first, then by connection.</summary>
    public IReadOnlyList<ConnectionSummary> Connections => [.. _connections.Values
        .OrderBy(one => one.Process.Length == 0).ThenBy(one => one.Process, StringComparer.Ordinal).ThenBy(one => one.FirstNanoseconds)];

    /// <summary>All lines.</summary>
    public long Packets { get; private set; }

    /// <summary>Packets of connections that there was no room for.</summary>
    public long NotAddedUp { get; private set; }

    /// <summary>Adds a line.</summary>
    public void Add(PacketLine line)
    {
        ArgumentNullException.ThrowIfNull(line);
        if (line.IsSeenAgain)
            return;
        Packets++;
        if (line.Facts is not { } facts || ConnectionOf(line, facts) is not { } found)
            return;
        var (connection, toProcess) = found;
        var key = (line.Label?.Process ?? "", connection);
        if (!_connections.TryGetValue(key, out var sum))
        {
            if (_connections.Count == MostConnections)
            {
                NotAddedUp++;
                return;
            }

            _connections[key] = sum = new ConnectionSummary(key.Item1, connection) { FirstNanoseconds = line.Nanoseconds, LastNanoseconds = line.Nanoseconds };
        }

        Add(sum, line, facts, toProcess);
    }

    private static (Connection Connection, bool ToProcess)? ConnectionOf(PacketLine line, PacketFacts facts)
    {
        if (line.Label is { Connection: { } known } label)
            return (known, label.ToProcess);
        if (facts.Source.Port == 0 || facts.Protocol is not (IpProtocol.Tcp or IpProtocol.Udp))
            return null;
        var inbound = facts.Destination.Port <= facts.Source.Port;
        return (inbound ? Connection.OfInbound(facts.Tuple) : Connection.OfOutbound(facts.Tuple), inbound);
    }

    private static void Add(ConnectionSummary sum, PacketLine line, PacketFacts facts, bool toProcess)
    {
        switch (line.Verdict)
        {
            case TwinVerdict.Held:
                sum.Held++;
                break;
            case TwinVerdict.Released:
                // The same packet as the one that was held.
                sum.Released++;
                return;
            case TwinVerdict.Rewritten:
                sum.Rewritten++;
                break;
            case TwinVerdict.Dropped:
                sum.Dropped[line.Reason] = sum.Dropped.GetValueOrDefault(line.Reason) + 1;
                break;
        }

        foreach (var mark in Words.Of(line.Marks))
            sum.Trouble[mark] = sum.Trouble.GetValueOrDefault(mark) + 1;
        if (line.ResetBy != ResetSender.Unknown)
            sum.ResetBy = line.ResetBy;
        if (toProcess)
        {
            sum.PacketsToProcess++;
            sum.BytesToProcess += facts.PayloadLength;
        }
        else
        {
            sum.PacketsToPeer++;
            sum.BytesToPeer += facts.PayloadLength;
            if (sum.LastToPeer != 0 && Between(sum.LastToPeer, line.Nanoseconds) is var silence && silence > sum.LongestSilenceToPeer)
                sum.LongestSilenceToPeer = silence;
            sum.LastToPeer = line.Nanoseconds;
        }

        if (Between(sum.LastNanoseconds, line.Nanoseconds) is var gap && gap > sum.LongestSilence)
            (sum.LongestSilence, sum.LongestSilenceSince) = (gap, sum.LastNanoseconds);
        sum.LastNanoseconds = Math.Max(sum.LastNanoseconds, line.Nanoseconds);
    }

    private static TimeSpan Between(long from, long to) => TimeSpan.FromTicks((to - from) / 100);
}

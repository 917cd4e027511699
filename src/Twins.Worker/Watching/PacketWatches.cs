using Google.Protobuf;
using Twins.Packets;
using Twins.Protocol;
using Twins.Redirection;
using Verdict = Twins.Protocol.SeenPacket.Types.Verdict;

namespace Twins.Worker;

/// <summary>
/// Tells whoever watches what becomes of each packet. While nobody does, it costs the look at <see cref="AreWatching"/>. For the data
/// thread.
/// </summary>
internal sealed class PacketWatches
{
    /// <summary>How long packets are gathered.</summary>
    public const int GatheringMilliseconds = 10;

    private const int MostWatches = 4;

    // What is no packet can't be cut where its data begin.
    private const int MostMalformedBytes = 64;
    private readonly List<PacketWatch> _watches = [];
    private long _gatheringSince;

    /// <summary>Whether anybody watches.</summary>
    public bool AreWatching => _watches.Count > 0;

    /// <exception cref="InvalidDataException">There are enough.</exception>
    public void RequireRoom()
    {
        _watches.RemoveAll(watch => !watch.IsOpen);
        if (_watches.Count == MostWatches)
            throw new InvalidDataException($"{MostWatches} are watching this twin already");
    }

    public void Add(PacketWatch watch) => _watches.Add(watch);

    /// <summary>Sends what was gathered for a while: one message of many packets costs all who hand it on less than many of one.</summary>
    /// <returns>Whether something is still being gathered.</returns>
    public bool FlushGathered()
    {
        if (!_watches.Exists(watch => watch.HasGathered))
        {
            _gatheringSince = 0;
            return false;
        }

        var now = Environment.TickCount64;
        if (_gatheringSince == 0)
            _gatheringSince = now;
        if (now - _gatheringSince < GatheringMilliseconds)
            return true;
        _gatheringSince = 0;
        Flush();
        return false;
    }

    /// <summary>Sends what was gathered. Readers that are gone are forgotten.</summary>
    public void Flush()
    {
        for (var i = _watches.Count - 1; i >= 0; i--)
        {
            if (_watches[i].IsOpen)
                _watches[i].Flush();
            else
                _watches.RemoveAt(i);
        }
    }

    /// <summary>Tells of octets that are no packet.</summary>
    public void TellMalformed(MobileProcess? process, ReadOnlySpan<byte> octets, Side arrival)
    {
        var seen = New(process, Verdict.Dropped, octets.Length);
        seen.Reason = nameof(DropReason.Malformed);
        seen.Leg = arrival.IsCabin ? PathLeg.HostCabin : PathLeg.Unknown;
        seen.Packet = ByteString.CopyFrom(octets[..Math.Min(octets.Length, MostMalformedBytes)]);
        foreach (var watch in _watches)
        {
            if (watch.Wants(seen.ProcessId))
                watch.Add(seen);
        }
    }

    /// <summary>Tells of a packet that wasn't rewritten.</summary>
    /// <param name="process">Whose it is; null: nobody's.</param>
    /// <param name="verdict">What became of it.</param>
    /// <param name="packet">As it came.</param>
    /// <param name="arrival">Where it came from.</param>
    /// <param name="table">What the twin knows.</param>
    /// <param name="reason">Why it was dropped.</param>
    public void Tell(MobileProcess? process, Verdict verdict, in PacketView packet, Side arrival, FlowTable table, DropReason reason = DropReason.None)
    {
        var seen = New(process, verdict, packet.Length);
        if (reason != DropReason.None)
            seen.Reason = reason.ToString();
        seen.Leg = LegOf(packet, arrival, table);
        Add(seen, packet);
    }

    /// <summary>Tells of a packet before it is rewritten.</summary>
    /// <param name="process">Whose it is.</param>
    /// <param name="verdict">That it is rewritten, or also was held.</param>
    /// <param name="packet">As it came.</param>
    /// <param name="route">Where it goes.</param>
    /// <param name="table">What the twin knows.</param>
    public void Tell(MobileProcess? process, Verdict verdict, in PacketView packet, Route route, FlowTable table)
    {
        var seen = New(process, verdict, packet.Length);
        seen.Leg = LegOf(packet, route.Arrival, table);
        seen.NextLeg = LegOf(route.Target, route.Egress, table);
        (seen.Source, seen.Destination) = (Wire.FromEndpoint(route.Target.Source), Wire.FromEndpoint(route.Target.Destination));
        if (!packet.HasPorts)
            seen.Source.Port = seen.Destination.Port = 0;
        Add(seen, packet);
    }

    private static SeenPacket New(MobileProcess? process, Verdict verdict, int length) => new()
    {
        ProcessId = process?.Id ?? "",
        UnixNanoseconds = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100,
        Verdict = verdict,
        Length = (uint)length,
    };

    private static PathLeg LegOf(in PacketView packet, Side side, FlowTable table)
    {
        if (packet.HasPorts)
            return LegOf(packet.Tuple, side, table);
        // An error is about a packet that went the other way, on the same leg.
        return packet.TryGetQuoted(out var quoted, out _) ? LegOf(quoted.Tuple, side, table) : side.IsCabin ? PathLeg.HostCabin : PathLeg.Unknown;
    }

    private static PathLeg LegOf(in FiveTuple tuple, Side side, FlowTable table)
    {
        if (side.IsCabin)
            return PathLeg.HostCabin;
        return table.HasLeg(tuple.Protocol, tuple.Source) || table.HasLeg(tuple.Protocol, tuple.Destination) ? PathLeg.HomeHost : PathLeg.PeerHome;
    }

    private static int HeaderBytes(in PacketView packet)
    {
        if (packet.IsTcp)
            return packet.TransportOffset + packet.Tcp.HeaderLength;
        // Ports, lengths and checksum of UDP; type, code and four more octets of ICMP, and of the packet that it quotes as much again.
        var length = packet.Fragment == FragmentPosition.Later ? 0 : 8;
        if (packet.TryGetQuoted(out var quoted, out _))
            length += quoted.TransportOffset + 8;
        return Math.Min(packet.TransportOffset + length, packet.Length);
    }

    private void Add(SeenPacket seen, in PacketView packet)
    {
        SeenPacket? whole = null;
        foreach (var watch in _watches)
        {
            if (!watch.Wants(seen.ProcessId))
                continue;
            if (!watch.Payload)
            {
                if (seen.Packet.IsEmpty)
                    seen.Packet = ByteString.CopyFrom(packet.Bytes[..HeaderBytes(packet)]);
                watch.Add(seen);
                continue;
            }

            if (whole is null)
            {
                whole = seen.Clone();
                whole.Packet = ByteString.CopyFrom(packet.Bytes);
            }

            watch.Add(whole);
        }
    }
}

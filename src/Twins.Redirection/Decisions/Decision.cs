using Twins.Packets;

namespace Twins.Redirection;

/// <summary>
/// The decision about one packet: a pure function of packet, side and table. No lock, log, allocation, exception or clock.
/// </summary>
/// <remarks>
/// The order of the questions, and what each answer is:
/// <code>
/// 1 no valid packet           drop (Malformed)
/// 2 later fragment            network: pass. cabin: drop (Fragment)
/// 3 no ports                  ICMP error about a flow: translate. else network: pass. cabin: drop (NotCarried)
/// 4 tuple has a route         forward, hold or drop; wrong side: drop (WrongSide). First fragment: drop (Fragment).
///                             lingering, and opens a connection: drop (StillLingering).
///                             left to the local stack: pass, unless it opens a connection
/// 5 from a cabin              opens a connection from the cabin's home: request. else drop (UnknownCabinFlow)
/// 6 to a listener             by its state: hold, pass, request, or drop (UnknownFlow)
/// 7 to or from a leg          drop (UnknownLeg)
/// 8 anything else             pass
/// </code>
/// From a cabin everything that is not known is dropped (fail-closed: it would leave with the home's address on a foreign network). From the
/// network what is not known passes (fail-open: other programs' packets), except where the local stack would answer RST into a live
/// connection. So no queue may be bound before the table is loaded.
/// </remarks>
public static class Decision
{
    /// <summary>Decides about a packet.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="arrival">Where it came from.</param>
    /// <param name="table">What is known.</param>
    public static Verdict Decide(in PacketView packet, Side arrival, FlowTable table)
    {
        if (packet.Fragment == FragmentPosition.Later)
            return arrival.IsCabin ? Verdict.Drop(DropReason.Fragment) : Verdict.Pass; // (2)
        if (!packet.HasPorts)
            return WithoutPorts(packet, arrival, table); // (3)
        var tuple = packet.Tuple;
        return table.FindRoute(tuple) is { } route && !(route.State == RouteState.Pass && OpensConnection(packet))
            ? ByRoute(packet, arrival, route) // (4)
            : Unknown(packet, arrival, table, tuple);
    }

    /// <summary>Decides about octets that are no valid packet (1).</summary>
    public static Verdict Decide(PacketFault fault) => fault == PacketFault.None ? Verdict.Pass : Verdict.Drop(DropReason.Malformed);

    private static Verdict ByRoute(in PacketView packet, Side arrival, Route route)
    {
        if (route.Arrival != arrival)
            return Verdict.Drop(DropReason.WrongSide, route.Process, route);
        if (route.State == RouteState.Drop)
            return Verdict.Drop(route.Reason, route.Process, route);
        if (route.State == RouteState.Pass)
            return Verdict.Pass;
        if (packet.IsFirstFragment)
            return Verdict.Drop(DropReason.Fragment, route.Process, route);
        if (route.IsLingering && OpensConnection(packet))
            return Verdict.Drop(DropReason.StillLingering, route.Process, route);
        return route.State == RouteState.Hold ? Verdict.Hold(route.Process, route) : Verdict.Rewrite(route);
    }

    private static Verdict Unknown(in PacketView packet, Side arrival, FlowTable table, in FiveTuple tuple)
    {
        if (arrival.IsCabin)
            return FromCabin(packet, table.FindCabin(arrival.CabinIndex), tuple); // (5)
        if (table.FindListener(tuple.Protocol, tuple.Destination) is { } listener)
            return ToListener(packet, listener); // (6)
        if (table.HasLeg(tuple.Protocol, tuple.Destination) || table.HasLeg(tuple.Protocol, tuple.Source))
            return Verdict.Drop(DropReason.UnknownLeg); // (7)
        return Verdict.Pass; // (8)
    }

    private static Verdict FromCabin(in PacketView packet, Cabin? cabin, in FiveTuple tuple)
    {
        if (cabin is null)
            return Verdict.Drop(DropReason.UnknownCabinFlow);
        if (packet.IsFirstFragment)
            return Verdict.Drop(DropReason.Fragment, cabin.Process);
        return tuple.Source.Address == cabin.Home && OpensConnection(packet)
            ? Verdict.RequestFlow(cabin.Process)
            : Verdict.Drop(DropReason.UnknownCabinFlow, cabin.Process);
    }

    private static Verdict ToListener(in PacketView packet, Listener listener)
    {
        if (listener.State == ListenerState.HoldNewOnly && !(packet.IsTcp && OpensConnection(packet)))
            return Verdict.Pass;
        if (packet.IsFirstFragment)
            return Verdict.Drop(DropReason.Fragment, listener.Process);
        return listener.State switch
        {
            ListenerState.RequestFlow when OpensConnection(packet) => Verdict.RequestFlow(listener.Process),
            ListenerState.RequestFlow => Verdict.Drop(DropReason.UnknownFlow, listener.Process),
            _ => Verdict.Hold(listener.Process),
        };
    }

    // Any datagram may be a flow's first.
    private static bool OpensConnection(in PacketView packet) => packet.IsUdp || packet.Tcp.OpensConnection;

    private static Verdict WithoutPorts(in PacketView packet, Side arrival, FlowTable table)
    {
        // An error quotes a packet that was sent from here, so the packets that answer it have the route.
        if (packet.TryGetQuoted(out var quoted, out _)
            && table.FindRoute(quoted.Tuple.Reversed) is { } route && route.Arrival == arrival)
        {
            return route.State switch
            {
                RouteState.Forward => Verdict.RewriteQuoted(route),
                RouteState.Pass => Verdict.Pass,
                _ => Verdict.Drop(DropReason.QuotedFlowNotForwarding, route.Process, route),
            };
        }

        return arrival.IsCabin ? Verdict.Drop(DropReason.NotCarried) : Verdict.Pass;
    }
}

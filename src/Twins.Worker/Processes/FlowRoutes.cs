using Twins.Packets;
using Twins.Redirection;

namespace Twins.Worker;

/// <summary>Writes the flows of a process into a table that is being built, for the half that this twin is.</summary>
internal sealed class FlowRoutes(MobileProcess process, FlowTableBuilder builder, FlowTable before)
{
    /// <summary>Home: the way to the host, H:r -> N:n for what the peer sends.</summary>
    public void SetToHost(in RedirectedFlow flow, bool lingering = false)
    {
        var tuple = flow.Connection.Inbound;
        var route = before.FindRoute(tuple) is { } known && known.Process == process.Slot && known.Arrival == Side.Network
            ? known.WithForward(flow.ToHost, Side.Network)
            : Route.Forward(flow.ToHost, Side.Network, Side.Network, process.Slot);
        route = Follow(route, flow.Connection, FlowDirection.ToProcess);
        builder.Set(tuple, lingering ? route.WithLingering() : route);
    }

    /// <summary>Home: the way back, H:p -> P:q for what the host sends.</summary>
    public void OpenLeg(in RedirectedFlow flow)
    {
        process.OpenLegs.Add(flow);
        builder.Add(flow.Leg);
        var target = flow.Connection.Outbound;
        if (before.FindRoute(flow.ToHome) is { State: RouteState.Forward } known && known.Target == target && known.Process == process.Slot)
            return;
        builder.Set(flow.ToHome, Follow(Route.Forward(target, Side.Network, Side.Network, process.Slot), flow.Connection, FlowDirection.ToPeer));
    }

    /// <summary>Home: the way back is no more.</summary>
    public void CloseLeg(in RedirectedFlow flow)
    {
        builder.Remove(flow.ToHome);
        if (process.OpenLegs.Remove(flow))
            builder.Remove(flow.Leg);
    }

    /// <summary>Home: what the peer sends is held.</summary>
    public void Hold(in ConnectionKey connection)
    {
        var known = before.FindRoute(connection.Inbound);
        builder.Set(connection.Inbound, known is not null && known.Process == process.Slot ? known.WithHold() : Route.Hold(Side.Network, process.Slot));
    }

    /// <summary>Home: connections that the process has closed are the local stack's, and no others.</summary>
    public void LeaveToStack(IReadOnlyCollection<ConnectionKey> connections)
    {
        foreach (var gone in process.Lingering.Except(connections).Where(gone => before.FindRoute(gone.Inbound) is { State: RouteState.Pass }).ToArray())
            builder.Remove(gone.Inbound);
        foreach (var connection in connections)
            builder.Set(connection.Inbound, Route.Pass(Side.Network, process.Slot));
        process.Lingering.ReplaceBy(connections);
    }

    /// <summary>Host: both ways between the leg and the guest, as the process's state has it.</summary>
    public void SetHosted(in RedirectedFlow flow)
    {
        var (side, guest) = (process.GuestSide, process.AtGuest(flow.Connection));
        var inward = before.FindRoute(flow.ToHost) is { } known && known.Process == process.Slot
            ? known.WithForward(guest.Inbound, side)
            : Route.Forward(guest.Inbound, Side.Network, side, process.Slot);
        var outward = before.FindRoute(guest.Outbound) is { } knownBack && knownBack.Process == process.Slot
            ? knownBack.WithForward(flow.ToHome, Side.Network)
            : Route.Forward(flow.ToHome, side, Side.Network, process.Slot);
        inward = Follow(inward, flow.Connection, FlowDirection.ToProcess);
        outward = Follow(outward, flow.Connection, FlowDirection.ToPeer);
        if (process.IsStopped && !process.Lingering.Contains(flow.Connection))
            (inward, outward) = (inward.WithDrop(DropReason.HostStopped), outward.WithDrop(DropReason.HostStopped));
        else if (!process.IsReady && !process.IsStopped)
            inward = inward.WithDrop(DropReason.HostNotReady);
        builder.Set(flow.ToHost, inward);
        builder.Set(guest.Outbound, outward);
    }

    /// <summary>Either half: nothing of the flow is known any more.</summary>
    public void Remove(in RedirectedFlow flow)
    {
        process.Flows.Remove(flow.Connection);
        process.Lifetimes.Remove(flow.Connection);
        if (process.IsHosted)
        {
            // Home may have given the leg to another connection before the end of this one was noticed here.
            var guest = process.AtGuest(flow.Connection);
            if (before.FindRoute(flow.ToHost)?.Target == guest.Inbound)
                builder.Remove(flow.ToHost);
            builder.Remove(guest.Outbound);
            return;
        }

        builder.Remove(flow.Connection.Inbound);
        CloseLeg(flow);
    }

    private Route Follow(Route route, in ConnectionKey connection, FlowDirection direction) =>
        connection.Protocol == IpProtocol.Tcp ? route.WithLifetime(process.LifetimeOf(connection), direction) : route;
}

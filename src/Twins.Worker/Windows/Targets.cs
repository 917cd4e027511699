using Twins.Diversion;
using Twins.Protocol;
using Twins.Redirection;

namespace Twins.Worker.Windows;

/// <summary>What is to be diverted. On Linux twinsd's rules say it; on Windows the twin captures for itself.</summary>
internal static class Targets
{
    /// <summary>What the packet path has a decision about.</summary>
    public static IEnumerable<DivertTarget> Of(TwinState state)
    {
        var table = state.Table;
        var hosted = state.Processes.Where(process => process.IsHosted).ToArray();
        var hostLegs = hosted.SelectMany(process => process.HostLegs).ToHashSet();
        var hostedSlots = hosted.Select(process => process.Slot).ToHashSet();
        // A guest's listeners and not its flows: they come and go, and what it sends otherwise goes on.
        foreach (var process in hosted)
        {
            foreach (var listener in process.Listeners)
                yield return DivertTarget.GuestSource(listener.Protocol, process.AtGuest(listener.Local));
        }

        foreach (var leg in table.Legs)
            yield return hostLegs.Contains(leg.Host) ? DivertTarget.LegDestination(leg.Protocol, leg.Host) : DivertTarget.LegSource(leg.Protocol, leg.Host);
        foreach (var listener in table.Listeners)
        {
            if (listener.State != ListenerState.HoldNewOnly)
                yield return DivertTarget.Listener(listener.Protocol, listener.Local);
            else if (listener.Protocol == Packets.IpProtocol.Tcp)
                yield return DivertTarget.NewConnections(listener.Local);
        }

        foreach (var (tuple, route) in table.Flows())
        {
            if (route.Arrival == Side.Network && route.State != RouteState.Pass && !hostedSlots.Contains(route.Process) && !table.HasLeg(tuple.Protocol, tuple.Source))
                yield return DivertTarget.Connection(tuple.Protocol, tuple.Destination, tuple.Source);
        }
    }

    /// <summary>
    /// What a command may give the packet path a decision about; of one that can't be carried out, nothing. Nor of one to a host half, whose
    /// packets nobody but the twin may see: until they are captured, the guard drops them.
    /// </summary>
    public static IReadOnlyList<DivertTarget> Of(TwinRequest request, TwinState state)
    {
        if (state.Find(request.ProcessId) is { IsHosted: true })
            return [];
        try
        {
            return request.CommandCase switch
            {
                TwinRequest.CommandOneofCase.Migrating =>
                [
                    .. request.Migrating.Connections.Select(OfConnection),
                    .. request.Migrating.Listeners.Where(listener => request.Migrating.Mode != Migrating.Types.Mode.NewOnly || listener.Transport == Transport.Tcp)
                        .Select(listener => OfListener(listener, request.Migrating.Mode == Migrating.Types.Mode.NewOnly)),
                ],
                TwinRequest.CommandOneofCase.OpenLegs => [.. request.OpenLegs.Flows.SelectMany(OfFlow)],
                TwinRequest.CommandOneofCase.Migrated =>
                [
                    .. request.Migrated.Flows.SelectMany(OfFlow),
                    .. request.Migrated.Listeners.Select(listener => OfListener(listener, newOnly: false)),
                ],
                TwinRequest.CommandOneofCase.AddFlows => [.. request.AddFlows.Flows.SelectMany(OfFlow)],
                TwinRequest.CommandOneofCase.Linger => [.. request.Linger.Flows.SelectMany(OfFlow)],
                _ => [],
            };
        }
        catch (InvalidDataException)
        {
            // Carrying it out fails in the same way, and says so.
            return [];
        }
    }

    private static DivertTarget OfConnection(Connection connection) => OfConnection(Wire.ToConnection(connection));

    private static DivertTarget OfConnection(ConnectionKey key) => DivertTarget.Connection(key.Protocol, key.Local, key.Peer);

    private static DivertTarget OfListener(Protocol.Listener listener, bool newOnly)
    {
        var (protocol, local) = Wire.ToListener(listener);
        return newOnly ? DivertTarget.NewConnections(local) : DivertTarget.Listener(protocol, local);
    }

    private static IEnumerable<DivertTarget> OfFlow(Flow flow)
    {
        var wanted = Wire.ToFlow(flow);
        return [OfConnection(wanted.Connection), DivertTarget.LegSource(wanted.Connection.Protocol, wanted.HostLeg)];
    }
}

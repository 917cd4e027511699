using Twins.Diversion.Linux;
using Twins.Protocol;
using Twins.Redirection;
using Role = Twins.Protocol.TwinProcessStatus.Types.Role;

namespace Twins.Worker;

/// <summary>The commands to a host half: the flows between the legs and a guest, in a cabin or without one. For the data thread.</summary>
internal sealed class HostCommands(TwinState state)
{
    public void Install(TwinRequest request, FileDescriptor? descriptor)
    {
        try
        {
            var flows = request.Host.Flows.Select(Wire.ToFlow).ToArray();
            var listeners = request.Host.Listeners.Select(Wire.ToListener).ToHashSet();
            var legs = request.Host.HostLegs.Select(Wire.ToEndpoint).ToHashSet();
            var home = Wire.ToEndpoint(request.Host.Home).Address;
            Packets.InternetAddress? guest = request.Host.Guest is null ? null : Wire.ToEndpoint(request.Host.Guest).Address;
            if (guest is not null && flows.Any(flow => flow.HostLeg.Address.IsIPv4 != guest.Value.IsIPv4))
                throw new InvalidDataException("a flow whose leg is of another family than the guest's address");
            var process = state.FindOrAdd(request.ProcessId);
            if (process is { IsHosted: false, Role: not (Role.Registered or Role.Released) })
                throw new InvalidDataException("this twin is the process's home half");
            var former = state.Find(request.Host.DeviceOf);
            if (guest is null && descriptor is null && process.Tun is null && former?.Tun is null)
                throw new InvalidDataException("HOST comes with the descriptor of the cabin's TUN device");
            if (descriptor is not null)
                state.SetTun(process, descriptor);
            else if (process.Tun is null && guest is null)
                state.MoveTun(former!, process);
            descriptor = null;
            if (!process.IsHosted || request.Epoch > process.Epoch)
                (process.IsReady, process.IsStopped) = (false, false);
            (process.Epoch, process.Role, process.Home, process.Guest) = (request.Epoch, Role.Hosting, home, guest);
            if (former is not null)
                TakeLifetimes(process, flows, former);
            Install(process, flows, legs);
            process.Listeners.ReplaceBy(listeners);
        }
        finally
        {
            descriptor?.Dispose();
        }
    }

    // A FIN that has been seen isn't sent again.
    private static void TakeLifetimes(MobileProcess process, RedirectedFlow[] flows, MobileProcess former)
    {
        foreach (var flow in flows)
        {
            if (former.Flows.GetValueOrDefault(flow.Connection) == flow && former.Lifetimes.Remove(flow.Connection, out var lifetime))
                process.Lifetimes[flow.Connection] = lifetime;
        }
    }

    private void Install(MobileProcess process, RedirectedFlow[] flows, HashSet<Packets.Endpoint> legs)
    {
        var builder = state.Table.ToBuilder();
        var routes = new FlowRoutes(process, builder, state.Table);
        var wanted = flows.ToHashSet();
        foreach (var old in process.Flows.Values.Where(old => !wanted.Contains(old)).ToArray())
            routes.Remove(old);
        state.WithdrawQuestions(process, builder);
        foreach (var flow in flows)
        {
            process.Flows[flow.Connection] = flow;
            process.Closed.Remove(flow);
            routes.SetHosted(flow);
        }

        foreach (var protocol in new[] { Packets.IpProtocol.Tcp, Packets.IpProtocol.Udp })
        {
            foreach (var gone in process.HostLegs.Except(legs))
                builder.Remove(new Leg(protocol, gone));
            foreach (var leg in legs)
                builder.Add(new Leg(protocol, leg));
        }

        process.HostLegs.ReplaceBy(legs);
        if (!process.IsStopped && process.Guest is null)
            builder.Set(new Cabin(process.Slot, process.Home, process.Slot));
        state.Table = builder.Build();
        state.SendHeld(process);
    }

    public void SetOpen(MobileProcess process, ulong epoch, bool open, IEnumerable<Connection> lingering)
    {
        var connections = lingering.Select(Wire.ToConnection).ToHashSet();
        if (!process.IsHosted)
            throw new InvalidDataException("this twin is not the process's host half");
        process.Epoch = epoch;
        process.Lingering.ReplaceBy(connections);
        (process.IsReady, process.IsStopped) = (open, !open);
        var builder = state.Table.ToBuilder();
        var routes = new FlowRoutes(process, builder, state.Table);
        foreach (var flow in process.Flows.Values)
            routes.SetHosted(flow);
        if (open && process.Guest is null)
            builder.Set(new Cabin(process.Slot, process.Home, process.Slot));
        else
            builder.RemoveCabin(process.Slot);
        state.Table = builder.Build();
    }
}

using Twins.Protocol;
using Twins.Redirection;
using Role = Twins.Protocol.TwinProcessStatus.Types.Role;

namespace Twins.Worker;

/// <summary>The commands to a home half: what comes in is held, sent to the host, or given back. For the data thread.</summary>
internal sealed class HomeCommands(TwinState state)
{
    public void Hold(TwinRequest request)
    {
        var command = request.Migrating;
        var connections = command.Connections.Select(Wire.ToConnection).ToHashSet();
        var listeners = command.Listeners.Select(Wire.ToListener).ToHashSet();
        var lingering = command.Lingering.Select(Wire.ToConnection).ToHashSet();
        var process = state.FindOrAdd(request.ProcessId);
        RequireHome(process);
        process.Epoch = request.Epoch;
        if (command.HoldLimitBytes > 0)
            state.Held.LimitBytes = (long)Math.Min(command.HoldLimitBytes, TwinOptions.MaximumHoldLimitBytes);
        process.Passing.Clear();
        process.Frozen = null;
        if (process.Role != Role.Holding)
            process.CountHoldAnew(state.Held);
        var builder = state.Table.ToBuilder();
        var routes = new FlowRoutes(process, builder, state.Table);
        var newOnly = command.Mode == Migrating.Types.Mode.NewOnly;
        // What a redirected process's home does not know may not pass even now: the local stack would answer RST.
        var listenerState = newOnly && process.Flows.Count == 0 && process.Role != Role.Redirecting ? ListenerState.HoldNewOnly : ListenerState.Hold;
        foreach (var gone in process.Listeners.Except(listeners).ToArray())
            builder.RemoveListener(gone.Protocol, gone.Local);
        foreach (var listener in listeners)
            builder.Set(new Redirection.Listener(listener.Protocol, listener.Local, listenerState, process.Slot));
        foreach (var gone in process.Held.Where(held => (newOnly || !connections.Contains(held)) && !process.Flows.ContainsKey(held)).ToArray())
            builder.Remove(gone.Inbound);
        if (!newOnly)
        {
            routes.LeaveToStack(lingering);
            foreach (var connection in connections)
                routes.Hold(connection);
        }

        process.Listeners.ReplaceBy(listeners);
        process.Held.ReplaceBy(newOnly ? [] : connections);
        if (!newOnly || process.Role != Role.Redirecting)
            process.Role = Role.Holding;
        if (!newOnly && !command.KeepPorts)
            process.Placeholders.Suspend();
        state.Table = builder.Build();
    }

    public void OpenLegs(TwinRequest request)
    {
        var flows = request.OpenLegs.Flows.Select(Wire.ToFlow).ToArray();
        var process = state.FindOrAdd(request.ProcessId);
        RequireHome(process);
        process.Epoch = request.Epoch;
        var builder = state.Table.ToBuilder();
        var routes = new FlowRoutes(process, builder, state.Table);
        foreach (var flow in flows)
            routes.OpenLeg(flow);
        state.Table = builder.Build();
    }

    public void Redirect(TwinRequest request, TwinReply reply)
    {
        var flows = request.Migrated.Flows.Select(Wire.ToFlow).ToArray();
        var listeners = request.Migrated.Listeners.Select(Wire.ToListener).ToHashSet();
        var lingering = request.Migrated.Lingering.Select(Wire.ToConnection).ToHashSet();
        var process = state.FindOrAdd(request.ProcessId);
        RequireHome(process);
        process.Epoch = request.Epoch;
        var builder = state.Table.ToBuilder();
        var routes = new FlowRoutes(process, builder, state.Table);
        var ways = flows.Select(flow => flow.ToHome).ToHashSet();
        foreach (var old in process.OpenLegs.Flows.Where(old => !ways.Contains(old.ToHome)).ToArray())
            routes.CloseLeg(old);
        var connections = flows.Select(flow => flow.Connection).ToHashSet();
        foreach (var old in process.Flows.Keys.Concat(process.Held).Where(old => !connections.Contains(old)).ToHashSet())
        {
            // Nobody answers for it: rather silence than a RST of the local stack. At a listener it may be opened again.
            if (listeners.Contains((old.Protocol, old.Local)))
                builder.Remove(old.Inbound);
            else
                builder.Set(old.Inbound, Route.Drop(DropReason.UnknownFlow, Side.Network, process.Slot));
            process.Flows.Remove(old);
            process.Lifetimes.Remove(old);
        }

        state.WithdrawQuestions(process, builder);
        routes.LeaveToStack(lingering);
        foreach (var flow in flows)
        {
            routes.OpenLeg(flow);
            routes.SetToHost(flow);
            process.Flows[flow.Connection] = flow;
            process.Closed.Remove(flow);
        }

        foreach (var gone in process.Listeners.Except(listeners).ToArray())
            builder.RemoveListener(gone.Protocol, gone.Local);
        foreach (var listener in listeners)
            builder.Set(new Redirection.Listener(listener.Protocol, listener.Local, ListenerState.RequestFlow, process.Slot));
        process.Listeners.ReplaceBy(listeners);
        process.Held.Clear();
        process.Passing.Clear();
        process.Role = Role.Redirecting;
        process.Frozen = null;
        process.Placeholders.Resume(Environment.TickCount64);
        state.Table = builder.Build();
        state.SendHeld(process);
        reply.Status = state.ToStatus(process);
    }

    public void Linger(TwinRequest request, TwinReply reply)
    {
        var flows = request.Linger.Flows.Select(Wire.ToFlow).ToArray();
        var process = state.FindOrAdd(request.ProcessId);
        RequireHome(process);
        process.Epoch = request.Epoch;
        process.Role = Role.Redirecting;
        var builder = state.Table.ToBuilder();
        var routes = new FlowRoutes(process, builder, state.Table);
        var taken = new List<(RedirectedFlow Flow, MobileProcess? From)>();
        foreach (var flow in flows)
        {
            var from = state.Processes.FirstOrDefault(p => p != process && !p.IsHosted && p.Flows.TryGetValue(flow.Connection, out var known) && known == flow);
            // It has come to its end, and twinsd hasn't heard of that yet.
            if (from is null && state.Processes.Any(p => p.Closed.ContainsKey(flow)))
                continue;
            if (from is not null && from.Lifetimes.TryGetValue(flow.Connection, out var lifetime))
            {
                if (lifetime.IsUnanswered)
                    continue;
                process.Lifetimes[flow.Connection] = lifetime;
                from.Lifetimes.Remove(flow.Connection);
            }

            from?.Flows.Remove(flow.Connection);
            from?.OpenLegs.Remove(flow);
            process.Flows[flow.Connection] = flow;
            routes.OpenLeg(flow);
            routes.SetToHost(flow, lingering: true);
            taken.Add((flow, from));
            reply.Connections.Add(Wire.FromConnection(flow.Connection));
        }

        state.Table = builder.Build();
        foreach (var (flow, from) in taken)
        {
            if (from is not null)
                state.SendHeld(from, flow.Connection.Inbound);
        }
    }

    public void Release(MobileProcess process, ulong epoch, TwinReply reply)
    {
        RequireHome(process);
        process.Epoch = epoch;
        state.Release(process);
        reply.Status = state.ToStatus(process);
    }

    public void Reserve(TwinRequest request, TwinReply reply)
    {
        var ports = request.Reserve.Ports.Select(Wire.ToListener).ToHashSet();
        var process = state.FindOrAdd(request.ProcessId);
        process.Epoch = request.Epoch;
        process.Placeholders.Replace(ports, Environment.TickCount64);
        if (process.Placeholders.Missing > 0)
            reply.Message = $"{process.Placeholders.Missing} of {ports.Count} ports are still taken; they are tried again for 60 s";
    }

    public void AdvertiseZeroWindow(MobileProcess process, TwinRequest request)
    {
        var sockets = request.AdvertiseZeroWindow.Sockets.Select(Wire.ToFrozenSocket).ToArray();
        RequireHome(process);
        if (process.Role != Role.Holding)
            throw new InvalidDataException("the process isn't held");
        process.Epoch = request.Epoch;
        var legs = process.OpenLegs.Flows.ToLookup(flow => flow.Connection, flow => flow.ToHome);
        var frozen = new FrozenSockets(Environment.TickCount64 + request.AdvertiseZeroWindow.AfterMilliseconds, state.Held.LimitBytes / 2);
        foreach (var (connection, socket) in sockets)
        {
            // The last one is that of the destination.
            var leg = legs[connection].LastOrDefault();
            frozen.Add(connection, socket, state.Table.FindRoute(leg)?.Counters);
        }

        process.Frozen = frozen;
    }

    private static void RequireHome(MobileProcess process)
    {
        if (process.IsHosted)
            throw new InvalidDataException("this twin is the process's host half");
    }
}

using Twins.Diversion.Linux;
using Twins.Protocol;
using Twins.Redirection;
using Role = Twins.Protocol.TwinProcessStatus.Types.Role;

namespace Twins.Worker;

/// <summary>
/// Carries out what twinsd orders (twin.proto). A command is read in full before anything changes; then one table takes the
/// place of the other. Fenced by epoch, idempotent. For the data thread.
/// </summary>
internal sealed class CommandHandler(TwinState state)
{
    /// <summary>Carries out a request.</summary>
    public TwinReply Handle(TwinRequest request, FileDescriptor? descriptor)
    {
        var reply = new TwinReply { Id = request.Id };
        try
        {
            Dispatch(request, descriptor, reply);
        }
        catch (Exception exception) when (exception is InvalidDataException or ArgumentException)
        {
            Refuse(reply, TwinError.TwinInvalid, exception.Message);
        }
        catch (Diversion.DiversionException exception)
        {
            Refuse(reply, TwinError.TwinFailed, exception.Message);
        }

        return reply;
    }

    private void Dispatch(TwinRequest request, FileDescriptor? descriptor, TwinReply reply)
    {
        var command = request.CommandCase;
        if (command != TwinRequest.CommandOneofCase.Host)
            descriptor?.Dispose();
        if (command == TwinRequest.CommandOneofCase.Status)
        {
            Status(request.ProcessId, reply);
            return;
        }

        if (request.ProcessId.Length is 0 or > 200)
            throw new InvalidDataException("a command names its process, in at most 200 characters");
        var process = state.Find(request.ProcessId);
        if (process is not null && request.Epoch < process.Epoch)
        {
            descriptor?.Dispose();
            Refuse(reply, TwinError.TwinStaleEpoch, $"epoch {request.Epoch}, but {process.Epoch} is known");
            return;
        }

        switch (command)
        {
            case TwinRequest.CommandOneofCase.CreateNewConnection:
                Register(request);
                break;
            case TwinRequest.CommandOneofCase.Migrating:
                Hold(request);
                break;
            case TwinRequest.CommandOneofCase.OpenLegs:
                OpenLegs(request);
                break;
            case TwinRequest.CommandOneofCase.Migrated:
                Redirect(request, reply);
                break;
            case TwinRequest.CommandOneofCase.Host:
                Host(request, descriptor);
                break;
            case TwinRequest.CommandOneofCase.Reserve:
                Reserve(request, reply);
                break;
            case TwinRequest.CommandOneofCase.Release:
                if (process is not null)
                    Release(process, request.Epoch, reply);
                break;
            case TwinRequest.CommandOneofCase.Forget:
                if (process is not null)
                    state.Forget(process);
                break;
            case TwinRequest.CommandOneofCase.HostReady or TwinRequest.CommandOneofCase.HostStop
                or TwinRequest.CommandOneofCase.AddFlows or TwinRequest.CommandOneofCase.RefuseFlow when process is null:
                Refuse(reply, TwinError.TwinUnknownProcess, $"no process {request.ProcessId}");
                break;
            case TwinRequest.CommandOneofCase.HostReady or TwinRequest.CommandOneofCase.HostStop:
                SetOpen(process!, request.Epoch, command == TwinRequest.CommandOneofCase.HostReady, request.HostStop?.Lingering ?? []);
                break;
            case TwinRequest.CommandOneofCase.Linger:
                Linger(request, reply);
                break;
            case TwinRequest.CommandOneofCase.AddFlows:
                AddFlows(process!, request);
                break;
            case TwinRequest.CommandOneofCase.RefuseFlow:
                var connection = Wire.ToConnection(request.RefuseFlow.Connection);
                process!.Epoch = request.Epoch;
                state.Refuse(process, connection);
                break;
            default:
                throw new InvalidDataException("no command that this twin knows");
        }
    }

    private static void Refuse(TwinReply reply, TwinError error, string message) => (reply.Error, reply.Message) = (error, message);

    private void Status(string id, TwinReply reply)
    {
        if (id.Length == 0)
            reply.Status = state.ToStatus();
        else if (state.Find(id) is { } process)
            reply.Status = state.ToStatus(process);
        else
            Refuse(reply, TwinError.TwinUnknownProcess, $"no process {id}");
    }

    private void Register(TwinRequest request)
    {
        foreach (var connection in request.CreateNewConnection.Connections)
            Wire.ToConnection(connection);
        foreach (var listener in request.CreateNewConnection.Listeners)
            Wire.ToListener(listener);
        state.FindOrAdd(request.ProcessId).Epoch = request.Epoch;
    }

    private void Hold(TwinRequest request)
    {
        var command = request.Migrating;
        var connections = command.Connections.Select(Wire.ToConnection).ToHashSet();
        var listeners = command.Listeners.Select(Wire.ToListener).ToHashSet();
        var process = state.FindOrAdd(request.ProcessId);
        RequireHome(process);
        process.Epoch = request.Epoch;
        process.HoldLimitBytes = (long)Math.Min(command.HoldLimitBytes, long.MaxValue);
        state.RaiseHoldLimit(process.HoldLimitBytes);
        process.Passing.Clear();
        process.PassingListeners.Clear();
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
            foreach (var connection in connections)
                routes.Hold(connection);
        }

        Replace(process.Listeners, listeners);
        Replace(process.Held, newOnly ? [] : connections);
        if (!newOnly || process.Role != Role.Redirecting)
            process.Role = Role.Holding;
        if (!newOnly)
            process.Placeholders.Suspend();
        state.Table = builder.Build();
    }

    private void OpenLegs(TwinRequest request)
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

    private void Redirect(TwinRequest request, TwinReply reply)
    {
        var flows = request.Migrated.Flows.Select(Wire.ToFlow).ToArray();
        var listeners = request.Migrated.Listeners.Select(Wire.ToListener).ToHashSet();
        var process = state.FindOrAdd(request.ProcessId);
        RequireHome(process);
        process.Epoch = request.Epoch;
        var builder = state.Table.ToBuilder();
        var routes = new FlowRoutes(process, builder, state.Table);
        var ways = flows.Select(flow => flow.ToHome).ToHashSet();
        foreach (var old in process.OpenLegs.Values.Where(old => !ways.Contains(old.ToHome)).ToArray())
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
        Replace(process.Listeners, listeners);
        process.Held.Clear();
        process.Passing.Clear();
        process.PassingListeners.Clear();
        process.Role = Role.Redirecting;
        process.Placeholders.Resume(Environment.TickCount64);
        state.Table = builder.Build();
        state.SendHeld(process);
        reply.Status = state.ToStatus(process);
    }

    private void Linger(TwinRequest request, TwinReply reply)
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
            if (from is not null && from.Lifetimes.TryGetValue(flow.Connection, out var lifetime))
            {
                if (lifetime.IsClosed || lifetime.IsUnanswered)
                    continue;
                process.Lifetimes[flow.Connection] = lifetime;
                from.Lifetimes.Remove(flow.Connection);
            }

            from?.Flows.Remove(flow.Connection);
            from?.OpenLegs.Remove(flow.ToHome);
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

    private void Release(MobileProcess process, ulong epoch, TwinReply reply)
    {
        RequireHome(process);
        process.Epoch = epoch;
        state.Release(process);
        reply.Status = state.ToStatus(process);
    }

    private void Host(TwinRequest request, FileDescriptor? descriptor)
    {
        try
        {
            var flows = request.Host.Flows.Select(Wire.ToFlow).ToArray();
            var listeners = request.Host.Listeners.Select(Wire.ToListener).ToHashSet();
            var legs = request.Host.HostLegs.Select(Wire.ToEndpoint).ToHashSet();
            var home = Wire.ToEndpoint(request.Host.Home).Address;
            var process = state.FindOrAdd(request.ProcessId);
            if (process is { IsHosted: false, Role: not (Role.Registered or Role.Released) })
                throw new InvalidDataException("this twin is the process's home half");
            if (descriptor is null && process.Tun is null)
                throw new InvalidDataException("HOST comes with the descriptor of the cabin's TUN device");
            if (descriptor is not null)
                state.SetTun(process, descriptor);
            descriptor = null;
            if (!process.IsHosted || request.Epoch > process.Epoch)
                (process.IsReady, process.IsStopped) = (false, false);
            (process.Epoch, process.Role, process.Home) = (request.Epoch, Role.Hosting, home);
            InstallHost(process, flows, legs);
            Replace(process.Listeners, listeners);
        }
        finally
        {
            descriptor?.Dispose();
        }
    }

    private void InstallHost(MobileProcess process, RedirectedFlow[] flows, HashSet<Packets.Endpoint> legs)
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

        Replace(process.HostLegs, legs);
        if (!process.IsStopped)
            builder.Set(new Cabin(process.Slot, process.Home, process.Slot));
        state.Table = builder.Build();
        state.SendHeld(process);
    }

    private void SetOpen(MobileProcess process, ulong epoch, bool open, IEnumerable<Connection> lingering)
    {
        var connections = lingering.Select(Wire.ToConnection).ToHashSet();
        if (!process.IsHosted)
            throw new InvalidDataException("this twin is not the process's host half");
        process.Epoch = epoch;
        Replace(process.Lingering, connections);
        (process.IsReady, process.IsStopped) = (open, !open);
        var builder = state.Table.ToBuilder();
        var routes = new FlowRoutes(process, builder, state.Table);
        foreach (var flow in process.Flows.Values)
            routes.SetHosted(flow);
        if (open)
            builder.Set(new Cabin(process.Slot, process.Home, process.Slot));
        else
            builder.RemoveCabin(process.Slot);
        state.Table = builder.Build();
    }

    private void AddFlows(MobileProcess process, TwinRequest request)
    {
        var flows = request.AddFlows.Flows.Select(Wire.ToFlow).ToArray();
        process.Epoch = request.Epoch;
        var builder = state.Table.ToBuilder();
        var routes = new FlowRoutes(process, builder, state.Table);
        foreach (var flow in flows)
        {
            if (process.Flows.TryGetValue(flow.Connection, out var old) && old != flow)
                routes.Remove(old);
            process.Flows[flow.Connection] = flow;
            state.Answered(process, flow.Connection);
            process.Closed.Remove(flow);
            if (process.IsHosted)
            {
                routes.SetHosted(flow);
                continue;
            }

            routes.OpenLeg(flow);
            if (process.Role == Role.Redirecting)
                routes.SetToHost(flow);
        }

        state.Table = builder.Build();
        foreach (var flow in flows)
        {
            if (process.IsHosted)
                state.SendHeld(process, flow.Connection.Outbound);
            else if (process.Role == Role.Redirecting)
                state.SendHeld(process, flow.Connection.Inbound);
        }
    }

    private void Reserve(TwinRequest request, TwinReply reply)
    {
        var ports = request.Reserve.Ports.Select(Wire.ToListener).ToHashSet();
        var process = state.FindOrAdd(request.ProcessId);
        process.Epoch = request.Epoch;
        process.Placeholders.Replace(ports, Environment.TickCount64);
        if (process.Placeholders.Missing > 0)
            reply.Message = $"{process.Placeholders.Missing} of {ports.Count} ports are still taken; they are tried again for 60 s";
    }

    private static void RequireHome(MobileProcess process)
    {
        if (process.IsHosted)
            throw new InvalidDataException("this twin is the process's host half");
    }

    private static void Replace<T>(HashSet<T> set, HashSet<T> by)
    {
        set.Clear();
        set.UnionWith(by);
    }
}

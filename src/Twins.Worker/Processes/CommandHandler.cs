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
    private const int MostIdCharacters = 200;
    private const string IdNeeded = "a command names its process, in at most 200 characters";
    private readonly HomeCommands _home = new(state);
    private readonly HostCommands _host = new(state);

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

        if (command == TwinRequest.CommandOneofCase.Watch)
        {
            if (request.ProcessId.Length > MostIdCharacters)
                throw new InvalidDataException(IdNeeded);
            state.Watches.RequireRoom();
            return;
        }

        if (request.ProcessId.Length is 0 or > MostIdCharacters)
            throw new InvalidDataException(IdNeeded);
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
                _home.Hold(request);
                break;
            case TwinRequest.CommandOneofCase.OpenLegs:
                _home.OpenLegs(request);
                break;
            case TwinRequest.CommandOneofCase.Migrated:
                _home.Redirect(request, reply);
                break;
            case TwinRequest.CommandOneofCase.Host:
                _host.Install(request, descriptor);
                break;
            case TwinRequest.CommandOneofCase.Reserve:
                _home.Reserve(request, reply);
                break;
            case TwinRequest.CommandOneofCase.Release:
                if (process is not null)
                    _home.Release(process, request.Epoch, reply);
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
                _host.SetOpen(process!, request.Epoch, command == TwinRequest.CommandOneofCase.HostReady, request.HostStop?.Lingering ?? []);
                break;
            case TwinRequest.CommandOneofCase.AdvertiseZeroWindow when process is null:
                Refuse(reply, TwinError.TwinUnknownProcess, $"no process {request.ProcessId}");
                break;
            case TwinRequest.CommandOneofCase.AdvertiseZeroWindow:
                _home.AdvertiseZeroWindow(process!, request);
                break;
            case TwinRequest.CommandOneofCase.Linger:
                _home.Linger(request, reply);
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
}

using Twins.Manager.Nodes;
using Twins.Manager.Pool;
using Twins.Protocol;

namespace Twins.Manager.Home;

/// <content>What the twin asks for and reports, and what a replaced twin is told.</content>
internal sealed partial class HomeRole
{
    private void OnEvent(Twin twin, TwinEvent twinEvent)
    {
        if (Find(twinEvent.ProcessId) is not { } process || process.Twin != twin)
            return;
        if (twinEvent.FlowRequested is { Origin: FlowRequested.Types.Origin.Peer } requested)
            _ = Task.Run(() => OpenForPeerAsync(process, requested.Connection));
        else if (twinEvent.FlowsClosed is { } closed)
            _ = Task.Run(() => CloseAsync(process, closed));
    }

    /// <summary>A peer connects to a redirected listener: its first segment waits until both ends of a leg are there.</summary>
    private async Task OpenForPeerAsync(HomeProcess process, Connection connection)
    {
        Flow? flow;
        bool isNew;
        string host;
        await process.Gate.WaitAsync();
        try
        {
            if (process.Host is null || process.Holding || !process.Asked.Add(connection))
                return;
            host = process.Host;
            isNew = !process.Flows.TryGetValue(connection, out flow);
            flow ??= Allocate(process.ProcessId, [connection], [.. process.HostLegs]).Single();
        }
        catch (NodeException e)
        {
            process.Asked.Remove(connection);
            await RefuseAsync(process, connection, e.Message);
            return;
        }
        finally
        {
            process.Gate.Release();
        }

        // The other node is asked without the gate, so that a slow one doesn't hold up a migration.
        string? refusal = null;
        try
        {
            var request = new OpenFlowRequest
            {
                ProcessId = process.ProcessId,
                Epoch = process.Epoch,
                Connection = connection,
                HomeLeg = flow.HomeLeg,
                HostLeg = flow.HostLeg,
            };
            await _nodes.Get(host).OpenFlowAsync(request, CancellationToken.None);
        }
        catch (NodeException e)
        {
            refusal = e.Message;
        }

        await process.Gate.WaitAsync();
        try
        {
            process.Asked.Remove(connection);

            // While it was asked the process may have begun to move, moved on, or ended. Then the twin asks anew, or no more.
            var isCurrent = process.Host == host && !process.Holding && Find(process.ProcessId) == process;
            if (isCurrent && refusal is null)
            {
                await AddAsync(process, flow, CancellationToken.None);
                return;
            }

            if (isNew)
                ReturnPort(flow);
            if (isCurrent)
                await RefuseAsync(process, connection, refusal!);
        }
        catch (TwinException e)
        {
            LogRefused(process.ProcessId, connection.ToString(), e.Message);
        }
        finally
        {
            process.Gate.Release();
        }
    }

    private async Task RefuseAsync(HomeProcess process, Connection connection, string cause)
    {
        LogRefused(process.ProcessId, connection.ToString(), cause);
        var command = process.Command();
        command.RefuseFlow = new RefuseFlow { Connection = connection };
        try
        {
            await process.Twin.SendAsync(command);
        }
        catch (TwinException e)
        {
            LogRefused(process.ProcessId, connection.ToString(), e.Message);
        }
    }

    private async Task CloseAsync(HomeProcess process, FlowsClosed closed)
    {
        await process.Gate.WaitAsync();
        try
        {
            var over = new List<Connection>();
            foreach (var flow in closed.Flows)
            {
                // The same connection may have been opened again meanwhile, as another flow.
                if (process.Flows.TryGetValue(flow.Connection, out var known) && known.Equals(flow))
                {
                    process.Flows.Remove(flow.Connection);
                    ReturnPort(known);
                    process.Connections.Remove(flow.Connection);
                    over.Add(flow.Connection);
                }
            }

            _rules.Remove(over, [], []);
            if (!process.HasLeft)
                _store.RemoveFlows(process, over);
            else if (process.Flows.Count == 0)
                await RemoveLeftBehindAsync(process);
            else
                _store.SaveLeft(process);
        }
        finally
        {
            process.Gate.Release();
        }
    }

    private async Task TellAgainAsync(Twin twin)
    {
        foreach (var process in _processes.Values.Where(p => p.Twin == twin))
        {
            await process.Gate.WaitAsync();
            try
            {
                await TellAsync(process);
            }
            catch (TwinException e)
            {
                LogNotTold(process.ProcessId, e.Message);
            }
            finally
            {
                process.Gate.Release();
            }
        }

        _rules.Renew(twin.Queue);
    }

    private async Task TellAsync(HomeProcess process)
    {
        if (process.HasLeft)
        {
            var command = process.Command();
            command.Linger = new Linger { Flows = { process.Flows.Values } };
            await process.Twin.SendAsync(command);
            return;
        }

        if (process.Host is not null)
        {
            var command = process.Command();
            command.Migrated = Redirecting(process, process.Flows.Values);
            await process.Twin.SendAsync(command);
            await process.Twin.SendAsync(Reserve(process));
            process.Asked.Clear();
        }

        if (!process.Holding)
            return;
        await process.Twin.SendAsync(Migrating(process, process.Connections));
        if (process.NextFlows.Count > 0)
        {
            var command = process.Command();
            command.OpenLegs = new OpenLegs { Flows = { process.NextFlows.Values } };
            await process.Twin.SendAsync(command);
        }

        if (process.Frozen.Count > 0)
            await process.Twin.SendAsync(ZeroWindow(process));
    }
}

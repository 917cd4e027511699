using Twins.Manager.Nodes;
using Twins.Manager.Pool;
using Twins.Protocol;

namespace Twins.Manager.Host;

/// <content>What the twin asks for and reports, and what a replaced twin is told.</content>
internal sealed partial class HostRole
{
    private void OnEvent(Twin twin, TwinEvent twinEvent)
    {
        if (Find(twinEvent.ProcessId) is not { } hosted || hosted.Twin != twin)
            return;
        if (twinEvent.FlowRequested is { Origin: FlowRequested.Types.Origin.Cabin } requested)
            _ = Task.Run(() => OpenForGuestAsync(hosted, requested.Connection));
        else if (twinEvent.FlowsClosed is { } closed)
            _ = Task.Run(() => CloseFlowsAsync(hosted, closed));
    }

    /// <summary>The guest opens a connection: its first segment waits until home has given it a leg.</summary>
    private async Task OpenForGuestAsync(HostedProcess hosted, Connection connection)
    {
        Flow? flow = null;
        string? refusal = null;
        await hosted.Gate.WaitAsync();
        try
        {
            if (!hosted.Open || !hosted.Asked.Add(connection))
                return;
        }
        finally
        {
            hosted.Gate.Release();
        }

        foreach (var leg in hosted.HostLegs)
        {
            try
            {
                var request = new OpenFlowRequest { ProcessId = hosted.ProcessId, Epoch = hosted.Epoch, Connection = connection, HostLeg = leg };
                flow = (await _nodes.Get(hosted.Home).OpenFlowAsync(request, CancellationToken.None)).Flow;
                break;
            }
            catch (NodeException e)
            {
                refusal = e.Message;
                if (e.Code != "no-redirect-port")
                    break;
            }
        }

        await hosted.Gate.WaitAsync();
        try
        {
            hosted.Asked.Remove(connection);
            if (flow is not null)
            {
                await AddAsync(hosted, flow, CancellationToken.None);
                return;
            }

            LogRefused(hosted.ProcessId, connection.ToString(), refusal ?? "no leg");
            var command = hosted.Command();
            command.RefuseFlow = new RefuseFlow { Connection = connection };
            await hosted.Twin.SendAsync(command);
        }
        catch (TwinException e)
        {
            LogRefused(hosted.ProcessId, connection.ToString(), e.Message);
        }
        finally
        {
            hosted.Gate.Release();
        }
    }

    private async Task CloseFlowsAsync(HostedProcess hosted, FlowsClosed closed)
    {
        await hosted.Gate.WaitAsync();
        try
        {
            // The same connection may have been opened again meanwhile, as another flow.
            var over = closed.Flows.Where(flow => hosted.Flows.TryGetValue(flow.Connection, out var known) && known.Equals(flow)).ToList();
            foreach (var flow in over)
                hosted.Flows.Remove(flow.Connection);
            if (!hosted.HasLeft)
                _store.RemoveFlows(hosted, over);
            else if (hosted.Flows.Count > 0)
                _store.SaveLeft(hosted);
        }
        finally
        {
            hosted.Gate.Release();
        }

        if (hosted is { HasLeft: true, Flows.Count: 0 })
            await RemoveAsync(hosted);
    }

    private async Task TellAgainAsync(Twin twin)
    {
        foreach (var hosted in _processes.Values.Where(p => p.Twin == twin))
        {
            await hosted.Gate.WaitAsync();
            try
            {
                hosted.Asked.Clear();
                await TellAsync(hosted, CancellationToken.None);
            }
            catch (TwinException e)
            {
                LogNotTold(hosted.ProcessId, e.Message);
            }
            finally
            {
                hosted.Gate.Release();
            }
        }
    }
}

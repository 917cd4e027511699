using Twins.Manager.Nodes;
using Twins.Protocol;

namespace Twins.Manager.Home;

/// <content>Holds, and takes holds back.</content>
internal sealed partial class HomeRole
{
    // A host that couldn't tell of the process's arrival tells it again twice a second.
    private static readonly TimeSpan TimeToHear = TimeSpan.FromSeconds(3);

    /// <summary>Inbound packets of these endpoints are held, in order, from now on.</summary>
    public async Task HoldAsync(HoldEndpointsRequest request, CancellationToken cancellation)
    {
        await HearAsync(request.ProcessId, request.Epoch, cancellation);
        await ChangeAsync("hold", request.ProcessId, request.Epoch, request.Connections.Count, create: true, async process =>
        {
            var closed = request.NewConnectionsOnly ? [] : Closed(process, request.Connections);
            process.Connections.UnionWith(request.Connections);
            process.Listeners.UnionWith(request.Listeners);
            process.Lingering.UnionWith(request.Lingering);
            if (!process.Holding || process.HoldingNewOnly)
                process.HoldingSince = TimeProvider.System.GetTimestamp();
            process.Holding = true;
            EndPause(process);
            process.HoldingNewOnly = request.NewConnectionsOnly;
            process.Frozen = [];
            if (process.Host is null)
            {
                process.Connections.ExceptWith(closed);
                process.Lingering.UnionWith(closed);
            }

            var told = process.Twin.SendAsync(Migrating(process, request.Connections), cancellation: cancellation);
            if (request.NewConnectionsOnly)
            {
                await told;
                _rules.DivertNewConnections(process.Twin.Queue, process.Listeners);
                return true;
            }

            // Saved before the rules are there, so that a restart finds what to give back. What the original still
            // sends stops with the rules, too: the copy in the image must stay the truth.
            _store.SaveHold(process);
            await told;
            await LeaveBehindAsync(process, closed);
            _rules.Divert(process.Twin.Queue, process.Connections, process.Listeners, process.Lingering);
            return true;
        });
    }

    /// <summary>The freeze lasts: peers are told to wait.</summary>
    public Task AdvertiseZeroWindowAsync(AdvertiseZeroWindowRequest request, CancellationToken cancellation) =>
        ChangeAsync(request.ProcessId, request.Epoch, create: false, async process =>
        {
            if (!process.Holding || process.HoldingNewOnly || process.HasLeft)
                throw new NodeException(_identity.Name, "not-held", $"Process '{request.ProcessId}' isn't held.");
            if (_options.ZeroWindowAfter == TimeSpan.Zero)
                return true;
            process.Frozen = request.Sockets;
            await process.Twin.SendAsync(ZeroWindow(process), cancellation: cancellation);
            return true;
        });

    /// <summary>The migration was rolled back: the path is again what it was before the hold.</summary>
    public Task CancelHoldAsync(CancelHoldRequest request, CancellationToken cancellation) =>
        ChangeAsync("cancel", request.ProcessId, request.Epoch, Find(request.ProcessId)?.Connections.Count ?? 0, create: false, async process =>
        {
            _rules.RemoveLegSources(process.NextHostLegs.Except(process.HostLegs).Except(LegsOfOthers(process)).ToList());
            foreach (var flow in process.NextFlows.Values)
                ReturnPort(flow);
            process.NextFlows.Clear();
            process.NextHostLegs.Clear();
            process.Holding = process.HoldingNewOnly = false;
            EndPause(process);
            process.Frozen = [];
            if (process.Host is null)
                return await ComeHomeAsync(process, process.Epoch, cancellation);

            var command = process.Command();
            command.Migrated = Redirecting(process, process.Flows.Values);
            return Held(await process.Twin.SendAsync(command, cancellation: cancellation), process.ProcessId);
        });

    /// <summary>
    /// A hold that may last keeps its legs over a restart: without their rule, what a restored socket sends before the
    /// switch would meet this node's own stack, which answers RST.
    /// </summary>
    public async Task KeepLegsAsync(string processId)
    {
        if (Find(processId) is not { } process)
            return;
        await process.Gate.WaitAsync();
        try
        {
            _store.SaveHold(process);
        }
        finally
        {
            process.Gate.Release();
        }
    }

    /// <summary>
    /// The process may be about to leave a host of which home hasn't heard that it is there. The path switches to that one
    /// first: a switch that came after the hold would give away what is held.
    /// </summary>
    private async Task HearAsync(string processId, ulong epoch, CancellationToken cancellation)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (Find(processId) is { } process && process.Epoch < epoch)
        {
            if (TimeProvider.System.GetElapsedTime(started) > TimeToHear)
            {
                throw new NodeException(
                    _identity.Name, "path-not-switched", $"Node '{_identity.Name}' hasn't heard yet where the process runs since its last migration; it is told until it has. Try again in a while; if that doesn't help, restart twinsd on the node where it runs.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), cancellation);
        }
    }

    private TwinRequest ZeroWindow(HomeProcess process)
    {
        var left = _options.ZeroWindowAfter - TimeProvider.System.GetElapsedTime(process.HoldingSince);
        var command = process.Command();
        command.AdvertiseZeroWindow = new AdvertiseZeroWindow { Sockets = { process.Frozen }, AfterMilliseconds = (uint)Math.Max(0, left.TotalMilliseconds) };
        return command;
    }

    private static Migrated Redirecting(HomeProcess process, IEnumerable<Flow> flows) =>
        new() { Flows = { flows }, Listeners = { process.Listeners }, Lingering = { process.Lingering } };

    private TwinRequest Migrating(HomeProcess process, IEnumerable<Connection> connections)
    {
        var command = process.Command();
        command.Migrating = new Migrating
        {
            Mode = process.HoldingNewOnly ? Protocol.Migrating.Types.Mode.NewOnly : Protocol.Migrating.Types.Mode.All,
            Connections = { connections },
            Listeners = { process.Listeners },
            Lingering = { process.Lingering },
            // The twin may be older than the setting.
            HoldLimitBytes = (ulong)_options.HoldLimitBytes,
            KeepPorts = process.PausedUntil is not null,
        };
        return command;
    }
}

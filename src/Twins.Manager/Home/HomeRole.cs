using System.Collections.Concurrent;
using Twins.Manager.Cluster;
using Twins.Manager.Nodes;
using Twins.Manager.Pool;
using Twins.Manager.Rules;
using Twins.Manager.Settings;
using Twins.Protocol;

namespace Twins.Manager.Home;

/// <summary>
/// The home role: holds the packets of a process that is leaving, opens the legs to the host, switches the
/// path at the commit point and gives everything back when the process comes home or the move is rolled back.
/// <para>
/// Order (design: the RST traps). Hold: the twin knows before the kernel diverts. Release: the twin passes
/// before the kernel stops diverting. Either way no packet meets a stack without a socket.
/// </para>
/// </summary>
internal sealed partial class HomeRole
{
    private readonly ConcurrentDictionary<string, HomeProcess> _processes = new();
    private readonly TwinPool _pool;
    private readonly KernelRules _rules;
    private readonly TwinsdOptions _options;
    private readonly NodeCluster _identity;
    private readonly HomeStore _store;
    private readonly NodeMap _nodes;
    private readonly ILogger<HomeRole> _log;
    private readonly LegPorts _ports;
    private readonly Lock _portsLock = new();

    public HomeRole(TwinPool pool, KernelRules rules, TwinsdOptions options, NodeCluster identity, HomeStore store, NodeMap nodes, ILogger<HomeRole> log)
    {
        _pool = pool;
        _rules = rules;
        _options = options;
        _identity = identity;
        _store = store;
        _nodes = nodes;
        _log = log;
        _ports = new LegPorts(options.FirstRedirectPort, options.LastRedirectPort);
        pool.Replaced += TellAgainAsync;
        pool.EventReceived += OnEvent;
    }

    /// <summary>The processes whose packets are held or redirected here.</summary>
    public IEnumerable<HomeProcess> Processes => _processes.Values;

    /// <summary>What home keeps of the process, or null when it keeps nothing.</summary>
    public HomeProcess? Find(string processId) => _processes.GetValueOrDefault(processId);

    /// <summary>No node but the one that runs a process speaks for it.</summary>
    /// <exception cref="NodeException">Another one tries to.</exception>
    public void RequireHost(string processId, string caller)
    {
        if (Find(processId)?.Host is { } host && host != caller)
            throw new NodeException(_identity.Name, "foreign-process", $"Process '{processId}' runs on node '{host}', not on '{caller}'.");
    }

    /// <summary>Inbound packets of these endpoints are held, in order, from now on.</summary>
    public Task HoldAsync(HoldEndpointsRequest request, CancellationToken cancellation) =>
        ChangeAsync(request.ProcessId, request.Epoch, create: true, async process =>
        {
            var closed = request.NewConnectionsOnly ? [] : Closed(process, request.Connections);
            process.Connections.UnionWith(request.Connections);
            process.Listeners.UnionWith(request.Listeners);
            process.Lingering.UnionWith(request.Lingering);
            if (!process.Holding || process.HoldingNewOnly)
                process.HoldingSince = TimeProvider.System.GetTimestamp();
            process.Holding = true;
            process.HoldingNewOnly = request.NewConnectionsOnly;
            await process.Twin.SendAsync(Migrating(process, request.Connections), cancellation: cancellation);
            if (request.NewConnectionsOnly)
            {
                _rules.DivertNewConnections(process.Twin.Queue, process.Listeners);
                return true;
            }

            await LeaveBehindAsync(process, closed);

            // Saved before the rules are there, so that a restart finds what to give back. What the original still
            // sends stops here, too: the copy in the image must stay the truth.
            _store.SaveHold(process);
            _rules.Divert(process.Twin.Queue, process.Connections, process.Listeners, process.Lingering);
            return true;
        });

    /// <summary>Picks home's ends of the legs and opens them outwards; inbound stays held.</summary>
    public Task<AllocateLegsReply> AllocateLegsAsync(AllocateLegsRequest request, CancellationToken cancellation) =>
        ChangeAsync(request.ProcessId, request.Epoch, create: true, async process =>
        {
            var legs = request.HostLegs.ToList();
            foreach (var stale in process.NextFlows.Keys.Except(request.Connections).ToList())
            {
                if (process.NextFlows.Remove(stale, out var flow))
                    ReturnPort(flow);
            }

            foreach (var connection in request.Connections)
            {
                if (!process.NextFlows.ContainsKey(connection))
                    process.NextFlows[connection] = Allocate(process.ProcessId, connection, legs);
            }

            process.NextHostLegs.UnionWith(legs);
            _rules.DivertLegSources(process.Twin.Queue, legs);
            var command = process.Command();
            command.OpenLegs = new OpenLegs { Flows = { process.NextFlows.Values } };
            await process.Twin.SendAsync(command, cancellation: cancellation);
            return new AllocateLegsReply { Flows = { request.Connections.Select(c => process.NextFlows[c]) } };
        });

    /// <summary>The commit point has passed: what is held goes to the host, in order, and all that follows.</summary>
    public Task<SwitchPathReply> SwitchAsync(SwitchPathRequest request, CancellationToken cancellation) =>
        ChangeAsync(request.ProcessId, request.Epoch, create: false, async process =>
        {
            process.Epoch = request.Epoch;
            if (request.Host == _identity.Name)
                return await ComeHomeAsync(process, cancellation);

            var command = process.Command();
            command.Migrated = new Migrated { Flows = { request.Flows }, Listeners = { process.Listeners } };
            var reply = await process.Twin.SendAsync(command, cancellation: cancellation);

            // After a restart of ours the kernel diverts only what the table said.
            if (!process.NextHostLegs.IsSupersetOf(request.HostLegs) && !process.HostLegs.IsSupersetOf(request.HostLegs))
                _rules.DivertLegSources(process.Twin.Queue, request.HostLegs);

            // What pointed at the host before this one.
            var former = process.HostLegs.Except(request.HostLegs).Except(LegsOfOthers(process)).ToList();
            ForgetUnopened(process, request.Flows);
            foreach (var flow in process.Flows.Values)
                ReturnPort(flow);
            process.Flows.Clear();
            process.NextFlows.Clear();
            foreach (var flow in request.Flows)
            {
                process.Flows[flow.Connection] = flow;
                UsePort(flow);
            }

            process.HostLegs.Clear();
            process.HostLegs.UnionWith(request.HostLegs);
            process.NextHostLegs.Clear();
            process.Holding = process.HoldingNewOnly = false;
            process.Host = request.Host;
            process.HostAddress = request.HostAddress;
            _store.Save(process, request.Pid);
            _rules.RemoveLegSources(former);
            LogSwitched(process.ProcessId, request.Host, process.Flows.Count, process.Epoch);
            return Held(reply, process.ProcessId);
        });

    /// <summary>The migration was rolled back: the path is again what it was before the hold.</summary>
    public Task CancelHoldAsync(CancelHoldRequest request, CancellationToken cancellation) =>
        ChangeAsync(request.ProcessId, request.Epoch, create: false, async process =>
        {
            _rules.RemoveLegSources(process.NextHostLegs.Except(process.HostLegs).Except(LegsOfOthers(process)).ToList());
            foreach (var flow in process.NextFlows.Values)
                ReturnPort(flow);
            process.NextFlows.Clear();
            process.NextHostLegs.Clear();
            process.Holding = process.HoldingNewOnly = false;
            if (process.Host is null)
                return await ComeHomeAsync(process, cancellation);

            var command = process.Command();
            command.Migrated = new Migrated { Flows = { process.Flows.Values }, Listeners = { process.Listeners } };
            return Held(await process.Twin.SendAsync(command, cancellation: cancellation), process.ProcessId);
        });

    /// <summary>The process has ended on its host: nothing is kept for it any more.</summary>
    public Task ForgetAsync(ForgetProcessRequest request, CancellationToken cancellation) =>
        ChangeAsync(request.ProcessId, request.Epoch, create: false, async process =>
        {
            RemoveRules(process);
            await RemoveAsync(process, cancellation);
            TwinPool.Return(process.Twin, process.ProcessId);
            _store.Delete(process.ProcessId);
            return true;
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

    /// <summary>The process is about to run at home again: its sockets, which exist by now, get and send what is new. What is held follows when it runs.</summary>
    public async Task LetSpeakAsync(string processId)
    {
        if (Find(processId) is not { } process)
            return;
        await process.Gate.WaitAsync();
        try
        {
            RemoveRules(process);
        }
        finally
        {
            process.Gate.Release();
        }
    }

    /// <summary>Keeps the ports of the process, whose sockets are gone from here, from being given to another one.</summary>
    public async Task ReserveAsync(string processId, CancellationToken cancellation)
    {
        if (Find(processId) is not { Host: not null } process)
            return;
        await process.Gate.WaitAsync(cancellation);
        try
        {
            await process.Twin.SendAsync(Reserve(process), cancellation: cancellation);
        }
        finally
        {
            process.Gate.Release();
        }
    }

    /// <summary>The process at its host opens a connection: home gives it a leg.</summary>
    public Task<OpenFlowReply> OpenFromHostAsync(OpenFlowRequest request, CancellationToken cancellation) =>
        ChangeAsync(request.ProcessId, request.Epoch, create: false, async process =>
        {
            if (!process.Flows.TryGetValue(request.Connection, out var flow))
            {
                flow = Allocate(process.ProcessId, request.Connection, [request.HostLeg]);
                await AddAsync(process, flow, cancellation);
            }

            return new OpenFlowReply { Flow = flow };
        });

    /// <summary>Takes up again after a restart what the table says, with the twins that live on.</summary>
    public async Task RestoreAsync(CancellationToken cancellation)
    {
        foreach (var saved in _store.Load())
        {
            var twin = await _pool.ReclaimAsync(saved.Queue, saved.ProcessId, cancellation);
            var process = saved.ToProcess(twin);
            foreach (var flow in process.Flows.Values)
                UsePort(flow);
            _processes[process.ProcessId] = process;
            // One that lived on may be holding: told of the path again, it would let go.
            if (!twin.IsAdopted)
                await TellAsync(process);
            _rules.Divert(twin.Queue, process.Connections, process.Listeners, []);
            _rules.DivertLegSources(twin.Queue, [.. process.HostLegs, .. process.NextHostLegs]);
        }
    }

    /// <summary>
    /// Home again: held packets reach the local sockets, in order, and what comes in goes through the twin until the
    /// kernel no longer diverts it.
    /// </summary>
    private async Task<SwitchPathReply> ComeHomeAsync(HomeProcess process, CancellationToken cancellation)
    {
        var command = process.Command();
        command.Release = new Release();
        var reply = await process.Twin.SendAsync(command, cancellation: cancellation);
        RemoveRules(process);
        await RemoveAsync(process, cancellation);
        _store.Clear(process.ProcessId);
        LogHome(process.ProcessId, process.Epoch);
        return Held(reply, process.ProcessId);
    }

    private void RemoveRules(HomeProcess process)
    {
        _rules.Remove(process.Connections, process.Listeners, process.Lingering);
        _rules.RemoveLegSources([.. process.HostLegs.Concat(process.NextHostLegs).Except(LegsOfOthers(process))]);
    }

    private async Task RemoveAsync(HomeProcess process, CancellationToken cancellation)
    {
        foreach (var flow in process.Flows.Values.Concat(process.NextFlows.Values))
            ReturnPort(flow);
        var command = process.Command();
        command.Forget = new Forget();
        await process.Twin.SendAsync(command, cancellation: cancellation);
        _processes.TryRemove(process.ProcessId, out _);
    }

    private async Task AddAsync(HomeProcess process, Flow flow, CancellationToken cancellation)
    {
        process.Connections.Add(flow.Connection);
        if (process.Lingering.Remove(flow.Connection))
            _rules.Remove([], [], [flow.Connection]);
        process.Flows[flow.Connection] = flow;
        var command = process.Command();
        command.AddFlows = new AddFlows { Flows = { flow } };
        await process.Twin.SendAsync(command, cancellation: cancellation);
        _rules.Divert(process.Twin.Queue, [flow.Connection], [], []);
        _store.AddFlow(process, flow);
    }

    private async Task<T> ChangeAsync<T>(string processId, ulong epoch, bool create, Func<HomeProcess, Task<T>> change)
    {
        var process = Find(processId);
        if (process is null && create)
        {
            var twin = await _pool.TakeAsync(processId, CancellationToken.None);
            process = _processes.GetOrAdd(processId, new HomeProcess(processId, twin) { Epoch = epoch });
        }

        if (process is null)
            throw new NodeException(_identity.Name, "unknown-process", $"Node '{_identity.Name}' keeps nothing for process '{processId}'.");
        await process.Gate.WaitAsync();
        try
        {
            if (epoch < process.Epoch)
            {
                throw new NodeException(
                    _identity.Name, "stale-epoch", $"The command carries epoch {epoch}, the process is at {process.Epoch}: a later migration has happened.");
            }

            return await change(process);
        }
        catch (TwinException e)
        {
            throw new NodeException(_identity.Name, "twin-failed", e.Message, inner: e);
        }
        finally
        {
            process.Gate.Release();
        }
    }

    private Flow Allocate(string processId, Connection connection, IReadOnlyList<Endpoint> hostLegs)
    {
        lock (_portsLock)
        {
            foreach (var leg in hostLegs)
            {
                if (_ports.Take(leg) is { } port)
                {
                    var flow = new Flow
                    {
                        Connection = connection,
                        HomeLeg = new Endpoint { Address = _nodes.AddressTowards(leg.Address, connection.Local.Address), Port = (uint)port },
                        HostLeg = leg,
                    };
                    return flow;
                }
            }
        }

        throw new NodeException(_identity.Name, "no-redirect-port", $"All redirect ports ({_options.FirstRedirectPort}-{_options.LastRedirectPort}) of process '{processId}' are in use; widen the range.");
    }

    private void UsePort(Flow flow)
    {
        lock (_portsLock)
            _ports.Use(flow);
    }

    private void ReturnPort(Flow flow)
    {
        lock (_portsLock)
            _ports.Return(flow);
    }

    private TwinRequest Migrating(HomeProcess process, IEnumerable<Connection> connections)
    {
        var command = process.Command();
        command.Migrating = new Migrating
        {
            Mode = process.HoldingNewOnly ? Protocol.Migrating.Types.Mode.NewOnly : Protocol.Migrating.Types.Mode.All,
            Connections = { connections },
            Listeners = { process.Listeners },
            HoldLimitBytes = (ulong)_options.HoldLimitBytes,
        };
        return command;
    }

    private static TwinRequest Reserve(HomeProcess process)
    {
        var ports = process.Listeners.Concat(process.Connections.Select(c => new Listener { Transport = c.Transport, Local = c.Local })).Distinct();
        var command = process.Command();
        command.Reserve = new Reserve { Ports = { ports } };
        return command;
    }

    private static SwitchPathReply Held(TwinReply reply, string processId)
    {
        var status = reply.Status?.Processes.FirstOrDefault(p => p.ProcessId == processId);
        return new SwitchPathReply { HeldPackets = status?.HeldPacketsTotal ?? 0, HeldBytes = status?.HeldBytesTotal ?? 0 };
    }

    [LoggerMessage(1101, LogLevel.Information, "{Process} is redirected to {Host}: {Flows} flows, epoch {Epoch}.")]
    private partial void LogSwitched(string process, string host, int flows, ulong epoch);

    [LoggerMessage(1102, LogLevel.Information, "{Process} is at home, epoch {Epoch}.")]
    private partial void LogHome(string process, ulong epoch);

    [LoggerMessage(1103, LogLevel.Warning, "{Process}: no flow for {Connection}: {Cause}")]
    private partial void LogRefused(string process, string connection, string cause);

    [LoggerMessage(1104, LogLevel.Warning, "{Process}: a replaced twin could not be told everything: {Cause}")]
    private partial void LogNotTold(string process, string cause);
}

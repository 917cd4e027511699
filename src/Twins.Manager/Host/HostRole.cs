using System.Collections.Concurrent;
using System.Diagnostics;
using Twins.Diversion.Linux;
using Twins.Manager.Cluster;
using Twins.Manager.Nodes;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Manager.Rules;
using Twins.Manager.Settings;
using Twins.Protocol;

namespace Twins.Manager.Host;

/// <summary>
/// The host role: the places of guests and the host's half of their paths. Inbound is dropped and outbound open
/// from installation on; both are open from the commit point on, and both closed while the guest is leaving.
/// </summary>
internal sealed partial class HostRole
{
    private const int MostWaits = 100;

    private readonly ConcurrentDictionary<string, HostedProcess> _processes = new();
    private readonly TwinPool _pool;
    private readonly DiversionRules _rules;
    private readonly GuestPlaces _places;
    private readonly TwinsdOptions _options;
    private readonly NodeCluster _identity;
    private readonly HostStore _store;
    private readonly NodeMap _nodes;
    private readonly HostPorts _ports;
    private readonly ILogger<HostRole> _log;

    public HostRole(TwinPool pool, DiversionRules rules, GuestPlaces places, TwinsdOptions options, NodeCluster identity, HostStore store, NodeMap nodes, HostPorts ports, ILogger<HostRole> log)
    {
        _pool = pool;
        _rules = rules;
        _places = places;
        _options = options;
        _identity = identity;
        _store = store;
        _nodes = nodes;
        _ports = ports;
        _log = log;
        pool.Replaced += TellAgainAsync;
        pool.EventReceived += OnEvent;
    }

    /// <summary>The guests.</summary>
    public IEnumerable<HostedProcess> Processes => _processes.Values;

    /// <summary>The guest, or null when it isn't one.</summary>
    public HostedProcess? Find(string processId) => _processes.GetValueOrDefault(processId);

    /// <summary>No node but its home speaks for a guest's packets.</summary>
    /// <exception cref="NodeException">Another one tries to.</exception>
    public void RequireHome(string processId, string caller)
    {
        if (Find(processId) is { } hosted && hosted.Home != caller)
            throw new NodeException(_identity.Name, "foreign-process", $"The home of process '{processId}' is node '{hosted.Home}', not '{caller}'.");
    }

    /// <summary>Makes the guest's place and picks the host's ends of the legs, one for so many connections as one can tell apart.</summary>
    public async Task<HostedProcess> PrepareAsync(MobileProcess process, ulong epoch, uint connections, string homeNodeAddress, CancellationToken cancellation)
    {
        await WaitUntilLeftAsync(process, cancellation);
        var legs = await _ports.TakeAsync(process.ProcessId, connections, homeNodeAddress);
        GuestPlace? place = null;
        FileDescriptor? device = null;
        try
        {
            place = _places.Create(process, epoch, legs[0], out device);
            var twin = await _pool.TakeAsync(process.ProcessId, cancellation);
            var hosted = new HostedProcess(process.ProcessId, twin, place)
            {
                Epoch = epoch,
                Home = process.Home,
                HomeAddress = new Endpoint { Address = process.HomeAddress },
                Device = device,
            };
            hosted.HostLegs.UnionWith(legs);
            _processes[process.ProcessId] = hosted;
            return hosted;
        }
        catch
        {
            device?.Dispose();
            place?.Remove();
            _ports.Return(legs);
            throw;
        }
    }

    /// <summary>A process that comes back at once may find its former stay here not yet tidied up.</summary>
    private async Task WaitUntilLeftAsync(MobileProcess process, CancellationToken cancellation)
    {
        for (var waited = 0; Find(process.ProcessId) is not null; waited++)
        {
            if (waited == MostWaits)
                throw new NodeException(_identity.Name, "still-leaving", $"Node '{_identity.Name}' hasn't tidied up yet after the last stay of '{process.Name}'. Try again in a while.");
            await Task.Delay(TimeSpan.FromMilliseconds(20), cancellation);
        }
    }

    /// <summary>Installs the host's half: outbound open, inbound dropped.</summary>
    public async Task InstallAsync(HostedProcess hosted, IEnumerable<Flow> flows, IEnumerable<Listener> listeners, CancellationToken cancellation)
    {
        var started = Stopwatch.GetTimestamp();
        await hosted.Gate.WaitAsync(cancellation);
        try
        {
            hosted.Flows.Clear();
            foreach (var flow in flows)
                hosted.Flows[flow.Connection] = flow;
            hosted.Listeners.Clear();
            hosted.Listeners.UnionWith(listeners);
            RequireFreeEnds(hosted);
            await TellAsync(hosted, cancellation);
            Divert(hosted);
            LogTook(hosted.ProcessId, "install", hosted.Flows.Count, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        finally
        {
            hosted.Gate.Release();
        }
    }

    /// <summary>Packets pass in both directions.</summary>
    public async Task OpenAsync(HostedProcess hosted, CancellationToken cancellation = default)
    {
        await hosted.Gate.WaitAsync(cancellation);
        try
        {
            (hosted.Open, hosted.Closed) = (true, false);
            hosted.Lingering.Clear();
            var command = hosted.Command();
            command.HostReady = new HostReady();
            await hosted.Twin.SendAsync(command, cancellation: cancellation);
        }
        finally
        {
            hosted.Gate.Release();
        }
    }

    /// <summary>Nothing passes any more, because the guest is about to be dumped.</summary>
    /// <param name="hosted">The guest.</param>
    /// <param name="lingering">But these, which it has closed: no image holds what they still have to say.</param>
    /// <param name="cancellation">Gives up; the guest is as it was, or closed.</param>
    public async Task CloseAsync(HostedProcess hosted, IEnumerable<Connection> lingering, CancellationToken cancellation)
    {
        await hosted.Gate.WaitAsync(cancellation);
        try
        {
            (hosted.Open, hosted.Closed) = (false, true);
            hosted.Lingering.UnionWith(lingering);
            var command = hosted.Command();
            command.HostStop = new HostStop { Lingering = { hosted.Lingering } };
            await hosted.Twin.SendAsync(command, cancellation: cancellation);
        }
        finally
        {
            hosted.Gate.Release();
        }
    }

    /// <summary>A peer connects to the guest's listener: home has picked the leg.</summary>
    public async Task<OpenFlowReply> OpenFromHomeAsync(OpenFlowRequest request, CancellationToken cancellation)
    {
        if (Find(request.ProcessId) is not { } hosted)
            throw new NodeException(_identity.Name, "unknown-process", $"Process '{request.ProcessId}' is no guest of node '{_identity.Name}'.");
        var flow = new Flow { Connection = request.Connection, HomeLeg = request.HomeLeg, HostLeg = request.HostLeg };
        await hosted.Gate.WaitAsync(cancellation);
        try
        {
            if (request.Epoch < hosted.Epoch || !hosted.HostLegs.Contains(flow.HostLeg))
                throw new NodeException(_identity.Name, "stale-epoch", $"The flow belongs to an earlier stay of process '{request.ProcessId}'.");
            // Its packets and another connection's would be the same here.
            if (!hosted.Flows.ContainsKey(flow.Connection) && hosted.Place.IsTaken(flow.Connection))
                throw new NodeException(_identity.Name, "ends-taken", $"Node '{_identity.Name}' has a connection of its own with {flow.Connection.Peer.ToEndpoint()} at port {flow.Connection.Local.Port}. The peer's next attempt has another port.");
            await AddAsync(hosted, flow, cancellation);
            return new OpenFlowReply { Flow = flow };
        }
        catch (TwinException e)
        {
            throw NodeFailure.Explain(e, _identity.Name, "twin-failed");
        }
        finally
        {
            hosted.Gate.Release();
        }
    }

    /// <summary>The guest has come to stay: what a restart needs is in the table.</summary>
    public void Save(HostedProcess hosted) => _store.Save(hosted);

    /// <summary>Takes the guests up again after a restart.</summary>
    public async Task RestoreAsync(CancellationToken cancellation)
    {
        foreach (var saved in _store.Load())
        {
            var twin = await _pool.ReclaimAsync(saved.Record.Twin!.Queue, saved.Record.Id, cancellation);
            if (_places.Find(saved.Record.Cabin!) is not { } place)
                continue;
            var hosted = saved.ToProcess(twin, place);
            _ports.Use(hosted.HostLegs);
            _processes[hosted.ProcessId] = hosted;
            await TellAsync(hosted, cancellation);
            Divert(hosted);
        }

        await RestoreLeftBehindAsync(cancellation);
    }

    private void Divert(HostedProcess hosted)
    {
        _rules.DivertLegDestinations(hosted.Twin.Queue, hosted.HostLegs);
        _rules.DivertGuests(hosted.Twin.Queue, [.. hosted.Ends]);
    }

    private void RequireFreeEnds(HostedProcess hosted)
    {
        var ends = hosted.Ends.ToHashSet();
        if (_processes.Values.FirstOrDefault(other => other != hosted && other.Ends.Any(ends.Contains)) is { } other)
            throw new NodeException(_identity.Name, "port-taken", $"At a port of process '{hosted.ProcessId}' node '{_identity.Name}' serves the guest '{other.ProcessId}' of node '{other.Home}' already; without cabins there is room for one. Redirect it to another node.");
    }

    private async Task AddAsync(HostedProcess hosted, Flow flow, CancellationToken cancellation)
    {
        hosted.Flows[flow.Connection] = flow;
        var command = hosted.Command();
        command.AddFlows = new AddFlows { Flows = { flow } };
        await hosted.Twin.SendAsync(command, cancellation: cancellation);
        _store.AddFlow(hosted, flow);
    }

    private static async Task TellAsync(HostedProcess hosted, CancellationToken cancellation, string deviceOf = "")
    {
        var command = hosted.Command();
        command.Host = new Protocol.Host
        {
            DeviceOf = deviceOf,
            Flows = { hosted.Flows.Values },
            Listeners = { hosted.Listeners },
            HostLegs = { hosted.HostLegs },
            Home = hosted.HomeAddress,
            Guest = hosted.Place.Address is { } address ? new Packets.Endpoint(address, 0).ToWire() : null,
        };
        // The device has one queue: after a restart of ours the twin that lives on still holds it, and needs no other.
        hosted.Device ??= hosted.Place.TryOpenDevice();
        await hosted.Twin.SendAsync(command, hosted.Device?.Number ?? -1, cancellation);
        command = hosted.Command();
        if (hosted.Open)
            command.HostReady = new HostReady();
        else if (hosted.Closed)
            command.HostStop = new HostStop { Lingering = { hosted.Lingering } };
        else
            return;
        await hosted.Twin.SendAsync(command, cancellation: cancellation);
    }

    [LoggerMessage(1201, LogLevel.Warning, "{Process}: the twin could not be told: {Cause}")]
    private partial void LogNotTold(string process, string cause);

    [LoggerMessage(1202, LogLevel.Warning, "{Process}: no flow for {Connection}: {Cause}")]
    private partial void LogRefused(string process, string connection, string cause);

    [LoggerMessage(1203, LogLevel.Information, "{Process}: {Operation} of {Connections} connections took {Milliseconds:0.0} ms.")]
    private partial void LogTook(string process, string operation, int connections, double milliseconds);
}

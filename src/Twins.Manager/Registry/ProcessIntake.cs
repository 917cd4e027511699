using Twins.Manager.Cluster;
using Twins.Manager.Home;
using Twins.Manager.Hooks;
using Twins.Manager.Host;
using Twins.Manager.Nodes;
using Twins.Manager.Pool;
using Twins.Packets;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Registry;

/// <summary>
/// How processes come into the Table of Twins (attached, or told of by the hook) and how they leave it (they end).
/// A process gets its twin with its first endpoint, or when it is attached.
/// </summary>
internal sealed partial class ProcessIntake(
    ProcessRegistry registry,
    ProcessInspector processes,
    TwinPool pool,
    HomeRole home,
    HostRole host,
    NodeMap nodes,
    NodeCluster identity,
    HookListener hook,
    ILogger<ProcessIntake> log) : BackgroundService
{
    private static readonly TimeSpan LookAround = TimeSpan.FromMilliseconds(500);

    private readonly HashSet<string> _ending = [];

    /// <summary>Takes a process that runs here, with the connections it has.</summary>
    /// <exception cref="NodeException">It can't be taken.</exception>
    public async Task<ProcessRecord> AttachAsync(AttachRequest request, CancellationToken cancellation)
    {
        // To hold their packets would cut this node off.
        if (request.Pid == Environment.ProcessId || pool.Twins.Any(twin => twin.Pid == request.Pid))
            throw new NodeException(identity.Name, "not-mobile", $"PID {request.Pid} is Twins' own; it serves this node.");
        if (request.Pid == 1 && !OperatingSystem.IsWindows())
            throw new NodeException(identity.Name, "not-mobile", "PID 1 keeps this machine running; it can't move.");
        var record = registry.Attach(request.Pid, request.Name, request.OutputPath, request.ErrorPath);
        var endpoints = processes.TryReadEndpoints(record) ?? EndpointSet.Empty;
        await RegisterAsync(record, endpoints.Connections, endpoints.Listeners, cancellation);
        LogAttached(record.Name, record.Pid, record.Id);
        return record;
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(FollowHookAsync(stoppingToken), WatchEndsAsync(stoppingToken));

    private async Task RegisterAsync(ProcessRecord record, IEnumerable<Connection> connections, IEnumerable<Listener> listeners, CancellationToken cancellation)
    {
        try
        {
            var twin = await pool.TakeAsync(record.Id, cancellation);
            var command = new TwinRequest
            {
                ProcessId = record.Id,
                Epoch = record.Epoch,
                CreateNewConnection = new CreateNewConnection { Connections = { connections }, Listeners = { listeners } },
            };
            await twin.SendAsync(command, cancellation: cancellation);
        }
        catch (TwinException e)
        {
            // What the twin misses now it is told when the process leaves.
            LogNotRegistered(record.Name, e.Message);
        }
    }

    private async Task FollowHookAsync(CancellationToken stopping)
    {
        await foreach (var told in hook.Events.ReadAllAsync(stopping))
        {
            if (processes.FindOwner(told.Pid) is not { State: ProcessState.Running } record || record.CurrentNode != identity.Name || record.Role != NodeRole.Home)
                continue;
            // On Windows a connect that is under way may not have its local address yet.
            if (told.Kind is HookEventKind.Connect or HookEventKind.Accept && told.Remote.Port != 0 && !told.Local.Address.IsUnspecified)
                await RegisterAsync(record, [new FiveTuple((IpProtocol)told.Transport, told.Local, told.Remote).ToConnection()], [], stopping);
            else if (told.Kind == HookEventKind.Listen)
                await RegisterAsync(record, [], [new ListenerRecord((IpProtocol)told.Transport, told.Local).ToWire()], stopping);
        }
    }

    private async Task WatchEndsAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(LookAround);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            foreach (var record in registry.List())
            {
                // One that is held may have been ended by the migrator that has it in its images. One that has ended was being
                // followed to its end when twinsd was restarted.
                if (record.State is ProcessState.Running or ProcessState.Exited
                    && record.CurrentNode == identity.Name
                    && !ProcessRegistry.IsAlive(record)
                    && IsFirstToSee(record.Id))
                {
                    _ = Task.Run(() => EndAsync(record, stopping), stopping);
                }
            }
        }
    }

    private bool IsFirstToSee(string processId)
    {
        lock (_ending)
            return _ending.Add(processId);
    }

    /// <summary>The process has ended. A guest's connections get the time to say goodbye, as much as the kernel gives them.</summary>
    private async Task EndAsync(ProcessRecord record, CancellationToken stopping)
    {
        var isDone = true;
        try
        {
            LogEnded(record.Name, record.Pid);
            registry.TryMark(record, ProcessState.Exited);
            if (host.Find(record.Id) is { } hosted)
            {
                await WaitUntilQuietAsync(hosted, stopping);
                await host.RemoveAsync(hosted);
            }

            if (record.Role == NodeRole.Host || home.Find(record.Id) is not null)
                await TellHomeAsync(record, stopping);
            if (pool.Find(record.Id) is { } twin)
            {
                await twin.SendAsync(new TwinRequest { ProcessId = record.Id, Epoch = record.Epoch, Forget = new Forget() }, cancellation: stopping);
                TwinPool.Return(twin, record.Id);
            }
        }
        catch (OperationCanceledException)
        {
            // This program ends. It is followed to its end after the restart.
            isDone = false;
        }
        catch (TwinException e)
        {
            LogNotRegistered(record.Name, e.Message);
        }
        finally
        {
            if (isDone)
                registry.Forget(record.Id, record.Epoch);
            lock (_ending)
                _ending.Remove(record.Id);
        }
    }

    /// <summary>Home keeps rules, ports and a name for the process until it has heard that it has ended.</summary>
    private async Task TellHomeAsync(ProcessRecord record, CancellationToken stopping)
    {
        var command = new ForgetProcessRequest { ProcessId = record.Id, Epoch = record.Epoch };
        for (var isTold = false; ; isTold = true)
        {
            try
            {
                await nodes.Get(record.HomeNode).ForgetProcessAsync(command, stopping);
                return;
            }
            catch (NodeException e) when (e.Code is "unknown-process" or "stale-epoch" or "foreign-process")
            {
                // It is no business of this node any more.
                return;
            }
            catch (NodeException e)
            {
                if (!isTold)
                    LogNotForgotten(record.Name, record.HomeNode, e.Message);
                await Task.Delay(LookAround, stopping);
            }
        }
    }

    private static async Task WaitUntilQuietAsync(HostedProcess hosted, CancellationToken stopping)
    {
        // Without a cabin another instance may listen by now, and isn't the guest.
        var connections = hosted.Flows.Keys.ToList();
        while (hosted.Place.CountOpen(connections) > 0)
            await Task.Delay(LookAround, stopping);
    }

    [LoggerMessage(1501, LogLevel.Information, "{Name} (PID {Pid}) is a mobile process now: {Id}.")]
    private partial void LogAttached(string name, int pid, string id);

    [LoggerMessage(1502, LogLevel.Information, "{Name} (PID {Pid}) has ended.")]
    private partial void LogEnded(string name, int pid);

    [LoggerMessage(1503, LogLevel.Warning, "{Name}: its twin couldn't be told: {Cause}")]
    private partial void LogNotRegistered(string name, string cause);

    [LoggerMessage(1504, LogLevel.Warning, "{Name}: its home '{Home}' couldn't be told yet that it ended: {Cause}")]
    private partial void LogNotForgotten(string name, string home, string cause);
}

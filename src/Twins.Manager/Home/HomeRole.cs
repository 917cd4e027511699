using System.Collections.Concurrent;
using System.Diagnostics;
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
/// Order (design: the RST traps). Hold: the twin knows before the kernel diverts. Release, which happens only where the
/// sockets are: the kernel stops diverting before the twin gives away what it holds.
/// </para>
/// </summary>
internal sealed partial class HomeRole
{
    private readonly ConcurrentDictionary<string, HomeProcess> _processes = new();
    private readonly TwinPool _pool;
    private readonly DiversionRules _rules;
    private readonly TwinsdOptions _options;
    private readonly NodeCluster _identity;
    private readonly HomeStore _store;
    private readonly NodeMap _nodes;
    private readonly ILogger<HomeRole> _log;
    private readonly LegPorts _ports;
    private readonly Lock _portsLock = new();

    public HomeRole(TwinPool pool, DiversionRules rules, TwinsdOptions options, NodeCluster identity, HomeStore store, NodeMap nodes, ILogger<HomeRole> log)
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

    /// <summary>The process has ended on its host: nothing is kept for it any more.</summary>
    public Task ForgetAsync(ForgetProcessRequest request, CancellationToken cancellation) =>
        ChangeAsync(request.ProcessId, request.Epoch, create: false, async process =>
        {
            RemoveRules(process);
            await RemoveAsync(process, request.Epoch, cancellation);
            TwinPool.Return(process.Twin, process.ProcessId);
            _store.Delete(process.ProcessId);
            return true;
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
            TakeUpLingering(process);
            // One that lived on may be holding: told of the path again, it would let go.
            if (!twin.IsAdopted)
                await TellAsync(process);
            _rules.Divert(twin.Queue, process.Connections, process.Listeners, process.Lingering);
            _rules.DivertLegSources(twin.Queue, [.. process.HostLegs, .. process.NextHostLegs]);
        }

        await RestoreLeftBehindAsync(cancellation);
    }

    private void RemoveRules(HomeProcess process)
    {
        _rules.GiveBack(process);
        process.Speaking = [];
        _rules.RemoveLegSources([.. process.HostLegs.Concat(process.NextHostLegs).Except(LegsOfOthers(process))]);
    }

    /// <param name="process">What is kept.</param>
    /// <param name="epoch">The caller's: the twin may have heard of it already, of the process itself, when this comes late.</param>
    /// <param name="cancellation">Stops waiting for the twin.</param>
    private async Task RemoveAsync(HomeProcess process, ulong epoch, CancellationToken cancellation)
    {
        foreach (var flow in process.Flows.Values.Concat(process.NextFlows.Values))
            ReturnPort(flow);
        var command = process.Command();
        command.Epoch = epoch;
        command.Forget = new Forget();
        await process.Twin.SendAsync(command, cancellation: cancellation);
        _processes.TryRemove(process.ProcessId, out _);
    }

    /// <summary>A change for many connections at once, whose time is told: a frozen process may be waiting for it.</summary>
    private async Task<T> ChangeAsync<T>(string what, string processId, ulong epoch, int connections, bool create, Func<HomeProcess, Task<T>> change)
    {
        var started = Stopwatch.GetTimestamp();
        var result = await ChangeAsync(processId, epoch, create, change);
        LogTook(processId, what, connections, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        return result;
    }

    private async Task<T> ChangeAsync<T>(string processId, ulong epoch, bool create, Func<HomeProcess, Task<T>> change)
    {
        var process = await EnterAsync(processId, epoch, create);
        try
        {
            if (epoch < process.Epoch)
            {
                throw new NodeException(
                    _identity.Name, "stale-epoch", $"The command carries epoch {epoch}, the process is at {process.Epoch}: a later migration has happened. Compare what 'twins show' says of it on both nodes.");
            }

            return await change(process);
        }
        catch (TwinException e)
        {
            throw NodeFailure.Explain(e, _identity.Name, "twin-failed");
        }
        finally
        {
            process.Gate.Release();
        }
    }

    /// <summary>What home keeps of the process, its gate entered.</summary>
    private async Task<HomeProcess> EnterAsync(string processId, ulong epoch, bool create)
    {
        while (true)
        {
            var process = Find(processId);
            if (process is null && create)
            {
                var twin = await _pool.TakeAsync(processId, CancellationToken.None);
                process = _processes.GetOrAdd(processId, new HomeProcess(processId, twin) { Epoch = epoch });
            }

            if (process is null)
                throw new NodeException(_identity.Name, "unknown-process", $"Node '{_identity.Name}' keeps nothing for process '{processId}'. Compare what 'twins ls' says on both nodes.");
            await process.Gate.WaitAsync();
            if (Find(processId) == process)
                return process;
            // Whoever was at the gate before has removed it.
            process.Gate.Release();
        }
    }

    [LoggerMessage(1101, LogLevel.Information, "{Process} is redirected to {Host}: {Flows} flows, epoch {Epoch}.")]
    private partial void LogSwitched(string process, string host, int flows, ulong epoch);

    [LoggerMessage(1102, LogLevel.Information, "{Process} is at home, epoch {Epoch}.")]
    private partial void LogHome(string process, ulong epoch);

    [LoggerMessage(1103, LogLevel.Warning, "{Process}: no flow for {Connection}: {Cause}")]
    private partial void LogRefused(string process, string connection, string cause);

    [LoggerMessage(1104, LogLevel.Warning, "{Process}: a replaced twin could not be told everything: {Cause}")]
    private partial void LogNotTold(string process, string cause);

    [LoggerMessage(1106, LogLevel.Debug, "Node '{Host}' doesn't say what was left there: {Cause}")]
    private partial void LogNotAnswered(string host, string cause);

    [LoggerMessage(1105, LogLevel.Information, "{Process}: {Operation} of {Connections} connections took {Milliseconds:0.0} ms.")]
    private partial void LogTook(string process, string operation, int connections, double milliseconds);
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using Twins.Manager.Home;
using Twins.Manager.Migration;
using Twins.Manager.Nodes;
using Twins.Manager.Registry;
using Twins.Manager.Settings;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Admin;

/// <summary>
/// Holding, redirecting and releasing by hand, at a process's home, for other people's migrators.
/// <para>
/// <code>
/// 1 hold        what comes in is held, what the original's sockets send is dropped
/// 2 redirect    the destination makes a cabin, opens its half outwards and watches the cabin
/// 3 (theirs)    checkpoint before or after 2, restore inside the cabin; on Windows, without cabins, the start of another instance
/// 4 at the destination, when all sockets are in the cabin: inbound opened, home switches the path, which is the commit point
/// </code>
/// The original, if it is still there, is the other migrator's business: it must stay frozen or end. Its sockets
/// stay silenced here either way. A release before 4 undoes all. So does time: <see cref="TwinsdOptions.HandWait"/> from 1
/// to 2, and again from 2 to 4. A restart of twinsd, here or there, changes nothing, except that this time begins anew.
/// </para>
/// </summary>
internal sealed partial class ManualRedirection(
    ProcessRegistry registry, ITableStore table, HomeRole home, NodeMap nodes, LettingGo lettingGo, TwinsdOptions options, ILogger<ManualRedirection> log) : IDisposable
{
    private const int MostReadings = 10;

    private static readonly TimeSpan LookAround = TimeSpan.FromMilliseconds(500);

    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly ConcurrentDictionary<string, Redirection> _redirecting = new();
    private readonly ConcurrentDictionary<string, object> _holds = new();

    /// <summary>Holds all that comes in for the process, and silences its sockets.</summary>
    /// <exception cref="NodeException">It isn't here, or doesn't accept the connections that wait on its listeners.</exception>
    public Task<ProcessRecord> HoldAsync(ProcessRecord record) => AloneAsync(async () =>
    {
        record = Now(record);
        if (record.State == ProcessState.Held)
            return record;
        RequireAtHome(record);
        await lettingGo.SettleAsync(record, CancellationToken.None);
        if (registry.BeginHold(record) is null)
            RequireAtHome(Now(record));
        try
        {
            // Connections that are being opened get through first: no checkpoint can carry them.
            var endpoints = ReadOrThrow(record);
            if (endpoints.Listeners.Count > 0)
            {
                await home.HoldAsync(Request(record, endpoints, newOnly: true), CancellationToken.None);
                endpoints = await DrainAsync(record);
            }

            await home.HoldAsync(Request(record, endpoints), CancellationToken.None);
            ExpectRedirect(record, "Held by hand");
        }
        catch (Exception)
        {
            await LetGoAsync(record);
            registry.TryMark(record, ProcessState.Running);
            throw;
        }

        return Now(record);
    });

    /// <summary>
    /// Prepares a node for the process. What is held, and all that follows, goes there as soon as its sockets are in the
    /// cabin. May be repeated while that hasn't happened.
    /// </summary>
    /// <returns>The record, and the path of the cabin's network namespace on the other node; empty where there are no cabins.</returns>
    /// <exception cref="NodeException">It isn't held, or the node can't take it.</exception>
    public Task<(ProcessRecord Record, string Cabin)> RedirectAsync(ProcessRecord record, string nameOrAddress, CancellationToken cancellation) => AloneAsync(async () =>
    {
        var node = await nodes.FindAsync(nameOrAddress, cancellation);
        record = Now(record);
        if (record.State != ProcessState.Held || home.Find(record.Id) is not { } held)
            throw new NodeException(record.HomeNode, "not-held", $"'{record.Name}' isn't held by hand; 'twins hold {record.Name}' on node '{record.HomeNode}' first.");
        if (node.Name == nodes.Self)
            throw new NodeException(nodes.Self, "already-there", $"Node '{node.Name}' is the home of '{record.Name}'; 'twins release {record.Name}' gives the packets back to it.");
        if (_redirecting.TryGetValue(record.Id, out var other) && other.Node.Name != node.Name)
            throw new NodeException(nodes.Self, "already-redirecting", $"'{record.Name}' is being redirected to node '{other.Node.Name}'; 'twins release {record.Name}' first.");

        // What it has opened or closed since the hold; once it is frozen, this is what its images have.
        if (Read(record) is { } endpoints)
            await home.HoldAsync(Request(record, endpoints), CancellationToken.None);
        else
            endpoints = EndpointSet.Empty with { Connections = held.Connections, Listeners = held.Listeners, Lingering = held.Lingering };

        var redirection = other ?? new Redirection(node, MigrationSteps.RedirectPrefix + RandomNumberGenerator.GetHexString(12, lowercase: true));
        var id = redirection.MigrationId;
        try
        {
            var prepared = await node.PrepareAsync(
                new PrepareRequest
                {
                    MigrationId = id,
                    Epoch = record.Epoch + 1,
                    Process = registry.Describe(record),
                    Connections = (uint)endpoints.Connections.Count,
                    Listeners = (uint)endpoints.Listeners.Count,
                    HomeNodeAddress = nodes.AddressOf(nodes.Self),
                    OtherMigrator = true,
                },
                cancellation);
            var legs = new AllocateLegsRequest { ProcessId = record.Id, Epoch = record.Epoch, HostLegs = { prepared.HostLegs }, Connections = { endpoints.Connections } };
            var flows = (await home.AllocateLegsAsync(legs, CancellationToken.None)).Flows;
            await home.KeepLegsAsync(record.Id);
            await node.InstallFlowsAsync(
                new InstallFlowsRequest { MigrationId = id, Flows = { flows }, Listeners = { endpoints.Listeners } }, CancellationToken.None);
            var what = prepared.Cabin.Length > 0 ? $"its sockets are in the cabin {prepared.Cabin} on node '{node.Name}'" : $"another instance listens on its ports on node '{node.Name}'";
            registry.TryMark(record, ProcessState.Held, $"Waits until {what}; 'twins release' undoes it.");
            if (_redirecting.TryAdd(record.Id, redirection))
            {
                Write(record, redirection, MigrationOutcome.Running);
                _ = Task.Run(() => FollowAsync(record, redirection), CancellationToken.None);
            }

            return (Now(record), prepared.Cabin);
        }
        catch (Exception) when (!_redirecting.ContainsKey(record.Id))
        {
            await AbortAsync(redirection, record, "The redirection couldn't be prepared.");
            throw;
        }
    });

    /// <summary>Gives what is held to the process at home, and undoes a redirection that isn't complete.</summary>
    /// <exception cref="NodeException">It isn't held, or runs on the other node by now.</exception>
    public Task<ProcessRecord> ReleaseAsync(ProcessRecord record) => AloneAsync(() => ReleaseNowAsync(Now(record)));

    /// <inheritdoc/>
    public void Dispose() => _gate.Dispose();

    private async Task<ProcessRecord> ReleaseNowAsync(ProcessRecord record, string note = "")
    {
        if (record.State != ProcessState.Held)
            throw new NodeException(record.HomeNode, "not-held", $"'{record.Name}' isn't held by hand; there is nothing to release.");

        // Here first: from now on the switch that the destination asks for is refused.
        await LetGoAsync(record);
        registry.TryMark(record, ProcessState.Running, note);
        _holds.TryRemove(record.Id, out _);
        if (_redirecting.TryRemove(record.Id, out var redirection))
        {
            Write(record, redirection, MigrationOutcome.RolledBack, note.Length > 0 ? note : "Released at home.");
            await AbortAsync(redirection, record, "Released at home.");
        }

        return Now(record);
    }

    private async Task LetGoAsync(ProcessRecord record)
    {
        if (home.Find(record.Id) is not null)
            await home.CancelHoldAsync(new CancelHoldRequest { ProcessId = record.Id, Epoch = record.Epoch }, CancellationToken.None);
    }

    private async Task<EndpointSet> DrainAsync(ProcessRecord record)
    {
        var started = Stopwatch.GetTimestamp();
        while (Read(record) is { HasBacklog: true } && Stopwatch.GetElapsedTime(started) < options.BacklogDrain)
            await Task.Delay(TimeSpan.FromMilliseconds(2));
        var endpoints = ReadOrThrow(record);
        return !endpoints.HasBacklog ? endpoints : throw new NodeException(
            record.HomeNode,
            "backlog-not-drained",
            $"'{record.Name}' didn't accept the connections that wait on its listeners within {options.BacklogDrain.TotalSeconds:0} s. Let it accept them, then try again.");
    }

    private static HoldEndpointsRequest Request(ProcessRecord record, EndpointSet endpoints, bool newOnly = false) => new()
    {
        ProcessId = record.Id,
        Epoch = record.Epoch,
        NewConnectionsOnly = newOnly,
        Connections = { newOnly ? [] : endpoints.Connections },
        Listeners = { endpoints.Listeners },
        Lingering = { endpoints.Lingering },
    };

    private async Task<T> AloneAsync<T>(Func<Task<T>> work)
    {
        await _gate.WaitAsync();
        try
        {
            return await work();
        }
        finally
        {
            _gate.Release();
        }
    }

    private ProcessRecord Now(ProcessRecord record) => registry.FindById(record.Id) ?? record;

    private static EndpointSet ReadOrThrow(ProcessRecord record) => Read(record) ?? throw new NodeException(
        record.HomeNode, "process-ended", $"'{record.Name}' (PID {record.Pid}) has ended, or is about to. Hold it before its checkpoint is taken.");

    // Null when it has ended. Other migrators kill it once they have its images, and it closes its sockets while it dies: what
    // is missing then isn't closed.
    private static EndpointSet? Read(ProcessRecord record)
    {
        for (var attempt = 0; attempt < MostReadings; attempt++)
        {
            if (!ProcessRegistry.IsAlive(record) || ProcessInspector.TryReadOriginal(record) is not { } tree)
                return null;
            var endpoints = ProcessInspector.ReadEndpoints(tree, record.HomeAddresses);
            if (!tree.IsEnding())
                return endpoints;
        }

        return null;
    }

    private void RequireAtHome(ProcessRecord record)
    {
        if (record.State != ProcessState.Running || record.CurrentNode != record.HomeNode || record.HomeNode != nodes.Self)
            throw new NodeException(record.HomeNode, "not-at-home", $"'{record.Name}' is {ProcessRegistry.StateName(record.State)} on node '{record.CurrentNode}'; only a process that runs at its home can be held by hand, there.");
    }

    [LoggerMessage(1701, LogLevel.Warning, "{Name}: its redirection to '{Node}' couldn't be followed or undone there: {Cause}")]
    private partial void LogNotFollowed(string name, string node, string cause);
}

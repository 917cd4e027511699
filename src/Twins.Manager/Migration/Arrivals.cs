using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Twins.Manager.Checkpoint;
using Twins.Manager.Cluster;
using Twins.Manager.Home;
using Twins.Manager.Host;
using Twins.Manager.Images;
using Twins.Manager.Nodes;
using Twins.Manager.Registry;
using Twins.Manager.Settings;
using Twins.Protocol;
using Twins.Table;
using Outcome = Twins.Protocol.QueryMigrationReply.Types.Outcome;

namespace Twins.Manager.Migration;

/// <summary>
/// The destination role. The decision about a migration is made here: it is committed when CRIU has taken the
/// answer to its post-restore notification, and aborted when the source says so, falls silent, or anything fails
/// before that. The source, which must know before it lets go of the original, asks with QUERY.
/// </summary>
internal sealed partial class Arrivals(
    TwinsdOptions options,
    NodeCluster cluster,
    ITableStore table,
    ICheckpointer checkpointer,
    HostRole host,
    HomeRole home,
    NodeMap nodes,
    ProcessRegistry registry,
    ArrivalChecks checks,
    TwinPaths paths,
    ILogger<Arrivals> log)
{
    // Images of a large process may take their time between two calls.
    private static readonly TimeSpan ArrivalWait = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(20);

    private readonly ConcurrentDictionary<string, Arrival> _arrivals = new();

    /// <summary>Checks that the process can live here.</summary>
    /// <exception cref="NodeException">The first thing that stands in the way, with its remedy.</exception>
    public async Task CheckAsync(PrepareRequest request, CancellationToken cancellation)
    {
        try
        {
            await checks.CheckAsync(request, cancellation);
            cancellation.ThrowIfCancellationRequested();
        }
        catch (Exception e)
        {
            throw Translate(e, "prepare-failed");
        }
    }

    /// <summary>Checks that the process can live here, and makes its place unless it comes home.</summary>
    public async Task<PrepareReply> PrepareAsync(string from, PrepareRequest request, CancellationToken cancellation)
    {
        await CheckAsync(request, cancellation);
        if (request.OtherMigrator && _arrivals.TryGetValue(request.MigrationId, out var known) && known is { Outcome: Outcome.Prepared, Hosted: not null } && known.From == from)
            return Prepared(known);
        if (request.OtherMigrator)
            ForgetForeignOutputs(request.Process);
        var arrival = new Arrival(from, request, request.OtherMigrator ? "" : paths.NewImages(request.MigrationId));
        if (!_arrivals.TryAdd(request.MigrationId, arrival))
            throw Refusal("duplicate-migration", $"Node '{cluster.Name}' knows migration '{request.MigrationId}' already. Try again: it gets another identifier.");

        // An abort that comes meanwhile waits, and then finds all that there is to undo.
        await arrival.Gate.WaitAsync(CancellationToken.None);
        try
        {
            if (arrival.Outcome != Outcome.Prepared)
                throw GivenUp(request.MigrationId);
            if (request.Process.Home != cluster.Name)
                arrival.Hosted = await host.PrepareAsync(request.Process, request.Epoch, request.Connections, request.HomeNodeAddress, cancellation);
            if (!request.OtherMigrator)
                checkpointer.Prepare(arrival.Hosted?.Place.NamespacePath);
            Record(arrival, MigrationSteps.Prepare, MigrationOutcome.Running);
            ExpectNextCall(arrival);
            return Prepared(arrival);
        }
        catch (Exception e)
        {
            await AbortAsync(arrival, e.Message);
            throw Translate(e, "prepare-failed");
        }
        finally
        {
            arrival.Gate.Release();
        }
    }

    /// <summary>Opens the host's half outwards.</summary>
    public Task InstallFlowsAsync(InstallFlowsRequest request, CancellationToken cancellation) =>
        StepAsync(request.MigrationId, MigrationSteps.Prepare, async arrival =>
        {
            arrival.Flows = [.. request.Flows];
            arrival.Listeners = [.. request.Listeners];
            if (arrival.Hosted is { } hosted)
                await host.InstallAsync(hosted, arrival.Flows, arrival.Listeners, cancellation);
            if (arrival.Request.OtherMigrator)
            {
                NoteGuest(arrival);
                arrival.Watch ??= Task.Run(() => WatchAsync(arrival), CancellationToken.None);
            }

            return true;
        });

    /// <summary>Takes the images in.</summary>
    public async Task<TransferReply> ReceiveAsync(string from, IAsyncEnumerable<ImageChunk> chunks, CancellationToken cancellation)
    {
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await using var source = chunks.GetAsyncEnumerator(reading.Token);
        if (!await source.MoveNextAsync())
            throw Refusal("empty-transfer", $"The images didn't come to node '{cluster.Name}': the transfer was empty. Try again; if it stays, the log of twinsd on the node that sends them says why.");
        var first = source.Current;
        return await StepAsync(first.MigrationId, MigrationSteps.Transfer, async arrival =>
        {
            if (arrival.From != from)
                throw Refusal("foreign-migration", $"Migration '{first.MigrationId}' was prepared for node '{arrival.From}', not '{from}'.");
            var receiver = new ImageReceiver(arrival.ImagesDirectory, long.MaxValue, SideFiles(arrival.Request.Process), progress: null);
            var totals = await receiver.ReceiveAsync(StartingWith(first, source, reading, cancellation), cancellation);
            return new TransferReply { Files = (ulong)totals.Files, PlainBytes = (ulong)totals.PlainBytes, WireBytes = (ulong)totals.WireBytes };
        });
    }

    /// <summary>Restores up to the moment before the process runs.</summary>
    public Task<RestoreReply> RestoreAsync(RestoreRequest request, CancellationToken cancellation) =>
        StepAsync(request.MigrationId, MigrationSteps.Restore, async arrival =>
        {
            // What a restart needs is written while CRIU works: after a restart, with the process alive it was committed,
            // without it aborted. At home the record stays that of a redirected process until it runs, but for who it is.
            var noting = Task.Run(() => NoteGuest(arrival), CancellationToken.None);
            try
            {
                arrival.Restore = await checkpointer.BeginRestoreAsync(arrival.ImagesDirectory, arrival.Hosted?.Place.NamespacePath, cancellation);
            }
            finally
            {
                await noting;
            }

            // The sockets exist, so packets may come in; home holds them still. Done while the source gets the answer.
            arrival.Opening = arrival.Hosted is { } hosted
                ? host.OpenAsync(hosted, CancellationToken.None)
                : Task.Run(() => registry.NoteRestored(arrival.Request.Process.ProcessId, arrival.Restore.Pid), CancellationToken.None);
            return new RestoreReply { Pid = arrival.Restore.Pid };
        });

    /// <summary>No node but the one that a migration was prepared for speaks for it.</summary>
    /// <exception cref="NodeException">Another one tries to.</exception>
    public void RequireSource(string migrationId, string caller)
    {
        if (_arrivals.TryGetValue(migrationId, out var arrival) && arrival.From != caller)
            throw Refusal("foreign-migration", $"Migration '{migrationId}' was prepared for node '{arrival.From}', not '{caller}'.");
    }

    /// <summary>What was decided here.</summary>
    public Outcome Query(string migrationId)
    {
        if (_arrivals.TryGetValue(migrationId, out var arrival))
            return arrival.Outcome;
        return table.FindMigration(migrationId, MigrationRole.Destination)?.Outcome switch
        {
            MigrationOutcome.Committed => Outcome.Committed,
            MigrationOutcome.Aborted => Outcome.Aborted,
            MigrationOutcome.Running => Outcome.Prepared,
            _ => Outcome.Unknown,
        };
    }

    private static PrepareReply Prepared(Arrival arrival) => new()
    {
        HostLegs = { arrival.Hosted?.HostLegs ?? [] },
        Cabin = arrival.Hosted?.Place.NamespacePath ?? "",
    };

    private async Task<T> StepAsync<T>(string migrationId, string step, Func<Arrival, Task<T>> work)
    {
        var arrival = Find(migrationId);
        await arrival.Gate.WaitAsync();
        try
        {
            if (arrival.Outcome != Outcome.Prepared)
                throw GivenUp(migrationId);
            var result = await work(arrival);
            ExpectNextCall(arrival);
            return result;
        }
        catch (Exception e)
        {
            await AbortAsync(arrival, e.Message);
            throw Translate(e, step + "-failed");
        }
        finally
        {
            arrival.Gate.Release();
        }
    }

    private void Record(Arrival arrival, string step, MigrationOutcome outcome, string message = "") => table.TryPutMigration(new MigrationRow
    {
        MigrationId = arrival.Id,
        Role = MigrationRole.Destination,
        ProcessId = arrival.Request.Process.ProcessId,
        Epoch = arrival.Request.Epoch,
        Peer = arrival.From,
        Phase = step,
        Outcome = outcome,
        Message = message,
    });

    private Arrival Find(string migrationId) => _arrivals.TryGetValue(migrationId, out var arrival)
        ? arrival
        : throw Refusal("unknown-migration", $"Node '{cluster.Name}' doesn't know this migration ('{migrationId}') any more: its twinsd was restarted meanwhile, or has given it up. Try again; if it stays, its log says why.");

    private NodeException GivenUp(string migrationId) => Refusal(
        "not-prepared", $"Node '{cluster.Name}' has given this migration ('{migrationId}') up: something failed there, or nothing came for too long. Try again; if it stays, its log says why.");

    private NodeException Refusal(string code, string message) => new(cluster.Name, code, message);

    private Exception Translate(Exception e, string code) => e switch
    {
        OperationCanceledException => e,
        _ => NodeFailure.Explain(e, cluster.Name, code),
    };

    /// <summary>The program's output files. Only where twinsd keeps such files: another node mustn't write elsewhere.</summary>
    private Dictionary<string, string> SideFiles(MobileProcess process)
    {
        var files = new[] { process.OutputPath, process.ErrorPath }.Where(p => p.Length > 0).Distinct().ToDictionary(p => Path.GetFileName(p), p => p);
        if (files.Values.FirstOrDefault(p => !IsOutputFile(p)) is { } elsewhere)
            throw Refusal("output-elsewhere", $"The output file {elsewhere} isn't in {options.OutputDirectory}, where node '{cluster.Name}' keeps such files. Set the same stateDirectory on both nodes.");
        Directory.CreateDirectory(options.OutputDirectory);
        return files;
    }

    /// <summary>Another migrator says itself where a program's output goes; a file that can't be it here isn't kept, nor sent on later.</summary>
    private void ForgetForeignOutputs(MobileProcess process)
    {
        if (!IsOutputFile(process.OutputPath))
            process.OutputPath = "";
        if (!IsOutputFile(process.ErrorPath))
            process.ErrorPath = "";
    }

    private bool IsOutputFile(string path) => path.Length > 0 && Path.GetFullPath(path) == path && Path.GetDirectoryName(path) == options.OutputDirectory;

    private static async IAsyncEnumerable<ImageChunk> StartingWith(
        ImageChunk first, IAsyncEnumerator<ImageChunk> rest, CancellationTokenSource reading, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var stop = cancellation.Register(reading.Cancel);
        yield return first;
        while (await rest.MoveNextAsync())
            yield return rest.Current;
    }

    [LoggerMessage(1301, LogLevel.Information, "Migration {Migration} of {Process} aborted: {Reason}")]
    private partial void LogAborted(string migration, string process, string reason);

    [LoggerMessage(1302, LogLevel.Warning, "{Process} runs here, but its home '{Home}' couldn't be told: {Cause}")]
    private partial void LogHomeNotTold(string process, string home, string cause);

    [LoggerMessage(1303, LogLevel.Warning, "Migration {Migration} of {Process} was under way at the restart: {Outcome}.")]
    private partial void LogRecovered(string migration, string process, string outcome);

    [LoggerMessage(1304, LogLevel.Warning, "Migration {Migration} of {Process}: what another program restores isn't taken: {Cause}")]
    private partial void LogNotTaken(string migration, string process, string cause);
}

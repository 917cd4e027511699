using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
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

    // A person at work with another migrator.
    private static readonly TimeSpan OtherMigratorWait = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(20);

    private readonly ConcurrentDictionary<string, Arrival> _arrivals = new();

    /// <summary>Checks that the process can live here, and makes its cabin unless it comes home.</summary>
    public async Task<PrepareReply> PrepareAsync(string from, PrepareRequest request, CancellationToken cancellation)
    {
        await checks.CheckAsync(request, cancellation);
        if (request.OtherMigrator && _arrivals.TryGetValue(request.MigrationId, out var known) && known is { Outcome: Outcome.Prepared, Hosted: not null } && known.From == from)
            return Prepared(known);
        var arrival = new Arrival(from, request, request.OtherMigrator ? "" : paths.NewImages(request.MigrationId));
        if (!_arrivals.TryAdd(request.MigrationId, arrival))
            throw Refusal("duplicate-migration", $"Migration '{request.MigrationId}' is known already.");
        try
        {
            if (request.Process.Home != cluster.Name)
                arrival.Hosted = await host.PrepareAsync(request.Process, request.Epoch, request.Connections, request.HomeNodeAddress, cancellation);
            if (!request.OtherMigrator)
                checkpointer.Prepare(arrival.Hosted?.Cabin.NamespacePath);
            Record(arrival, MigrationSteps.Prepare, MigrationOutcome.Running);
            ExpectNextCall(arrival);
            return Prepared(arrival);
        }
        catch (Exception e)
        {
            await DropAsync(arrival, e.Message);
            throw Translate(e, "prepare-failed");
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
                arrival.Watch ??= Task.Run(() => WatchAsync(arrival), CancellationToken.None);
            return true;
        });

    /// <summary>Takes the images in.</summary>
    public async Task<TransferReply> ReceiveAsync(string from, IAsyncEnumerable<ImageChunk> chunks, CancellationToken cancellation)
    {
        await using var source = chunks.GetAsyncEnumerator(cancellation);
        if (!await source.MoveNextAsync())
            throw Refusal("empty-transfer", "The transfer has no chunk.");
        var first = source.Current;
        return await StepAsync(first.MigrationId, MigrationSteps.Transfer, async arrival =>
        {
            if (arrival.From != from)
                throw Refusal("foreign-migration", $"Migration '{first.MigrationId}' was prepared for node '{arrival.From}', not '{from}'.");
            var receiver = new ImageReceiver(arrival.ImagesDirectory, long.MaxValue, SideFiles(arrival.Request.Process), progress: null);
            var totals = await receiver.ReceiveAsync(StartingWith(first, source), cancellation);
            return new TransferReply { Files = (ulong)totals.Files, PlainBytes = (ulong)totals.PlainBytes, WireBytes = (ulong)totals.WireBytes };
        });
    }

    /// <summary>Restores up to the moment before the process runs.</summary>
    public Task<RestoreReply> RestoreAsync(RestoreRequest request, CancellationToken cancellation) =>
        StepAsync(request.MigrationId, MigrationSteps.Restore, async arrival =>
        {
            // What a restart needs is written while CRIU works: after a restart, with the process alive it was committed,
            // without it aborted. At home the record stays that of a redirected process until it runs.
            var noting = Task.Run(() => NoteGuest(arrival), CancellationToken.None);
            try
            {
                arrival.Restore = await checkpointer.BeginRestoreAsync(arrival.ImagesDirectory, arrival.Hosted?.Cabin.NamespacePath, cancellation);
            }
            finally
            {
                await noting;
            }

            return new RestoreReply { Pid = arrival.Restore.Pid };
        });

    /// <summary>The commit point.</summary>
    public async Task<CommitReply> CommitAsync(CommitRequest request)
    {
        var arrival = Find(request.MigrationId);
        await arrival.Patience.CancelAsync();
        await arrival.Gate.WaitAsync();
        try
        {
            if (arrival.Committed is { } committed)
                return committed;
            if (arrival.Outcome != Outcome.Prepared || (arrival.Restore is null && !arrival.IsFound) || request.Epoch != arrival.Request.Epoch)
                throw Refusal("not-prepared", $"Migration '{request.MigrationId}' can't be committed: it was aborted or not restored.");
            try
            {
                return await CommitAsync(arrival);
            }
            catch (Exception e) when (arrival.Outcome != Outcome.Committed)
            {
                await AbortAsync(arrival, e.Message);
                throw Translate(e, "resume-failed");
            }
        }
        finally
        {
            arrival.Gate.Release();
        }
    }

    /// <summary>The source has given up.</summary>
    public async Task AbortAsync(string migrationId, string reason)
    {
        if (!_arrivals.TryGetValue(migrationId, out var arrival))
            return;
        await arrival.Patience.CancelAsync();
        await arrival.Gate.WaitAsync();
        try
        {
            if (arrival.Outcome == Outcome.Committed)
                throw Refusal("already-committed", $"Migration '{migrationId}' was committed.");
            await AbortAsync(arrival, reason);
        }
        finally
        {
            arrival.Gate.Release();
        }
    }

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

    /// <summary>
    /// After a restart: what was under way is what the kernel shows. CRIU kills what it restored when we vanish before
    /// the commit point; a process that runs was resumed, so it was committed.
    /// </summary>
    public async Task RecoverAsync()
    {
        foreach (var row in table.ListUndecidedMigrations().Where(r => r.Role == MigrationRole.Destination))
        {
            var record = table.Find(row.ProcessId);
            var here = record is not null && registry.RunsHere(record, row.Epoch);
            LogRecovered(row.MigrationId, row.ProcessId, here ? "committed" : "aborted");
            table.TryPutMigration(row with { Outcome = here ? MigrationOutcome.Committed : MigrationOutcome.Aborted });
            if (here && record!.Role == NodeRole.Home)
                record = registry.Arrived(record, row.Epoch);
            if (here && record!.Role == NodeRole.Host)
                registry.NoteStart(record.Id, row.Epoch);
            if (here)
            {
                _ = Task.Run(() => AnnounceAsync(record!, CancellationToken.None));
            }
            else if (record is { Role: NodeRole.Host } && record.Epoch == row.Epoch)
            {
                await host.RemoveAsync(record.Id);
                registry.Forget(record.Id, record.Epoch);
            }
        }
    }

    /// <summary>
    /// Waits until another program has restored the process: only then do packets come in, because a cabin without the
    /// sockets would answer them with RST.
    /// </summary>
    private async Task WatchAsync(Arrival arrival)
    {
        var process = arrival.Request.Process;
        var addresses = process.HomeAddresses.Select(a => Packets.InternetAddress.FromBytes(a.Span)).ToImmutableArray();
        while (arrival.Outcome == Outcome.Prepared && !arrival.Patience.IsCancellationRequested)
        {
            await Task.Delay(LookInterval);
            try
            {
                await arrival.Gate.WaitAsync();
                try
                {
                    if (arrival.Outcome != Outcome.Prepared || arrival.Patience.IsCancellationRequested)
                        return;
                    var guest = CabinGuest.Find(arrival.Hosted!.Cabin.NamespacePath, process.Pid, addresses, arrival.Flows, arrival.Listeners);
                    arrival.Missing = guest.Missing;
                    if (guest.Pid == 0)
                        continue;
                    process.Pid = guest.Pid;
                    NoteGuest(arrival);
                    arrival.IsFound = true;
                }
                finally
                {
                    arrival.Gate.Release();
                }

                await CommitAsync(new CommitRequest { MigrationId = arrival.Id, Epoch = arrival.Request.Epoch });
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // A look that failed is repeated; a commit that failed has undone everything.
                LogNotTaken(arrival.Id, process.ProcessId, e.Message);
            }
        }
    }

    private async Task<CommitReply> CommitAsync(Arrival arrival)
    {
        var process = arrival.Request.Process;

        if (arrival.Hosted is { } hosted)
            await host.OpenAsync(hosted);
        else
            await home.LetSpeakAsync(process.ProcessId);

        var started = Stopwatch.GetTimestamp();
        if (arrival.Restore is { } restore)
        {
            await restore.ResumeAsync(CancellationToken.None);
            arrival.Outcome = Outcome.Committed;
        }

        var resumed = Stopwatch.GetElapsedTime(started);
        started = Stopwatch.GetTimestamp();
        var reply = new CommitReply { ResumeMilliseconds = resumed.TotalMilliseconds };
        try
        {
            var switched = await nodes.Get(process.Home).SwitchPathAsync(PathHere(arrival), CancellationToken.None);
            reply.HeldPackets = switched.HeldPackets;
            reply.HeldBytes = switched.HeldBytes;
        }
        catch (NodeException e) when (arrival.Restore is not null || e.Unreachable)
        {
            // It runs here and home doesn't know yet: its twin goes on holding. Told again until it does.
            LogHomeNotTold(process.ProcessId, process.Home, e.Message);
            _ = Task.Run(() => AnnounceAsync(table.Find(process.ProcessId)!, CancellationToken.None));
        }

        // What another program restored runs by itself: its commit point is home's answer, because a person may have
        // released it there.
        arrival.Outcome = Outcome.Committed;
        reply.SwitchMilliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        if (arrival.Hosted is null)
            registry.Arrived(process, arrival.Request.Epoch, NodeRole.Home, arrival.Restore!.Pid);
        else
            registry.NoteStart(process.ProcessId, arrival.Request.Epoch);
        Record(arrival, MigrationSteps.Commit, MigrationOutcome.Committed);
        arrival.Committed = reply;
        _ = Task.Run(() => TidyAsync(arrival));
        return reply;
    }

    private void NoteGuest(Arrival arrival)
    {
        Record(arrival, MigrationSteps.Restore, MigrationOutcome.Running);
        if (arrival.Hosted is not { } hosted)
            return;
        registry.Arrived(arrival.Request.Process, arrival.Request.Epoch, NodeRole.Host, pid: 0, ProcessState.Migrating);
        host.Save(hosted);
    }

    private async Task TidyAsync(Arrival arrival)
    {
        if (arrival.Restore is { } restore)
            await restore.DisposeAsync();
        paths.RemoveImages(arrival.ImagesDirectory);
        _arrivals.TryRemove(arrival.Id, out _);
    }

    /// <summary>Tells home where the process runs, until home has heard it.</summary>
    private async Task AnnounceAsync(ProcessRecord record, CancellationToken cancellation)
    {
        while (table.Find(record.Id) is { } now && now.Epoch == record.Epoch && now.CurrentNode == cluster.Name)
        {
            try
            {
                await nodes.Get(record.HomeNode).SwitchPathAsync(registry.PathHere(now), cancellation);
                return;
            }
            catch (NodeException e) when (e.Code is "stale-epoch" or "unknown-process")
            {
                return;
            }
            catch (NodeException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(500), cancellation);
            }
        }
    }

    private SwitchPathRequest PathHere(Arrival arrival) => new()
    {
        ProcessId = arrival.Request.Process.ProcessId,
        Epoch = arrival.Request.Epoch,
        Host = cluster.Name,
        HostAddress = cluster.Address,
        Flows = { arrival.Flows },
        Listeners = { arrival.Listeners },
        HostLegs = { arrival.Hosted?.HostLegs ?? [] },
        Pid = arrival.Request.Process.Pid,
    };

    private static PrepareReply Prepared(Arrival arrival) => new()
    {
        HostLegs = { arrival.Hosted?.HostLegs ?? [] },
        Cabin = arrival.Hosted?.Cabin.NamespacePath ?? "",
    };

    private async Task<T> StepAsync<T>(string migrationId, string step, Func<Arrival, Task<T>> work)
    {
        var arrival = Find(migrationId);
        await arrival.Gate.WaitAsync();
        try
        {
            if (arrival.Outcome != Outcome.Prepared)
                throw Refusal("not-prepared", $"Migration '{migrationId}' was aborted.");
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

    private async Task AbortAsync(Arrival arrival, string reason)
    {
        if (arrival.Outcome is Outcome.Aborted)
            return;
        arrival.Outcome = Outcome.Aborted;
        LogAborted(arrival.Id, arrival.Request.Process.ProcessId, reason);
        await DropAsync(arrival, reason);
    }

    private async Task DropAsync(Arrival arrival, string reason)
    {
        if (arrival.Restore is { } restore)
        {
            await restore.AbandonAsync(CancellationToken.None);
            await restore.DisposeAsync();
        }

        if (arrival.Hosted is { } hosted)
            checkpointer.Discard(hosted.Cabin.NamespacePath);
        if (arrival.Hosted is not null)
            await host.RemoveAsync(arrival.Request.Process.ProcessId);
        registry.NotArrived(arrival.Request.Process.ProcessId, arrival.Request.Epoch);
        paths.RemoveImages(arrival.ImagesDirectory);
        Record(arrival, "", MigrationOutcome.Aborted, reason);
        _arrivals.TryRemove(arrival.Id, out _);
    }

    /// <summary>A source that falls silent is given up: it learns so when it asks.</summary>
    private void ExpectNextCall(Arrival arrival)
    {
        var patience = arrival.Request.OtherMigrator ? OtherMigratorWait : arrival.Restore is null ? ArrivalWait : options.CommitWait;
        arrival.Deadline?.Dispose();
        arrival.Deadline = new Timer(_ => _ = Task.Run(() => GiveUpAsync(arrival, patience)), null, patience, Timeout.InfiniteTimeSpan);
    }

    private async Task GiveUpAsync(Arrival arrival, TimeSpan patience)
    {
        if (arrival.Patience.IsCancellationRequested)
            return;
        await arrival.Gate.WaitAsync();
        try
        {
            if (arrival.Outcome == Outcome.Prepared && !arrival.Patience.IsCancellationRequested)
            {
                await AbortAsync(arrival, arrival.Request.OtherMigrator
                    ? $"Not restored in the cabin within {patience.TotalMinutes:0} min; it lacks {arrival.Missing}."
                    : $"Node '{arrival.From}' said nothing for {patience.TotalSeconds:0} s.");
            }
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
        : throw Refusal("unknown-migration", $"Node '{cluster.Name}' has prepared no migration '{migrationId}'.");

    private NodeException Refusal(string code, string message) => new(cluster.Name, code, message);

    private Exception Translate(Exception e, string code) => e switch
    {
        NodeException or OperationCanceledException => e,
        ImageTransferException i => new NodeException(cluster.Name, i.Code, $"On node '{cluster.Name}': {i.Message}", inner: i),
        CheckpointException c => new NodeException(cluster.Name, c.Code, $"On node '{cluster.Name}': {c.Message}", inner: c),
        _ => new NodeException(cluster.Name, code, $"On node '{cluster.Name}': {e.Message}", inner: e),
    };

    /// <summary>The program's output files. Only where twinsd keeps such files: another node mustn't write elsewhere.</summary>
    private Dictionary<string, string> SideFiles(MobileProcess process)
    {
        var files = new[] { process.OutputPath, process.ErrorPath }.Where(p => p.Length > 0).Distinct().ToDictionary(p => Path.GetFileName(p), p => p);
        if (files.Values.FirstOrDefault(p => Path.GetFullPath(p) != p || Path.GetDirectoryName(p) != options.OutputDirectory) is { } elsewhere)
            throw Refusal("output-elsewhere", $"The output file {elsewhere} isn't in {options.OutputDirectory}.");
        Directory.CreateDirectory(options.OutputDirectory);
        return files;
    }

    private static async IAsyncEnumerable<ImageChunk> StartingWith(ImageChunk first, IAsyncEnumerator<ImageChunk> rest)
    {
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

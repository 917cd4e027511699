using System.Diagnostics;
using Twins.Manager.Checkpoint;
using Twins.Manager.Host;
using Twins.Manager.Images;
using Twins.Manager.Nodes;
using Twins.Manager.Processes;
using Twins.Manager.Registry;
using Twins.Manager.Settings;
using Twins.Protocol;
using Twins.Table;
using Outcome = Twins.Protocol.QueryMigrationReply.Types.Outcome;
using ProcessTree = Twins.Manager.Processes.ProcessTree;

namespace Twins.Manager.Migration;

/// <summary>
/// One migration, at the node that the process leaves.
/// <para>
/// <code>
/// 1 preflight    everything that can be known to fail, before anything changes
/// 2 prepare      the destination makes a cabin; CRIU is started on both sides
/// 3 hold         home holds what comes in (new connections first, so that backlogs drain)
/// 4 checkpoint   the process is frozen and dumped; its sockets are compared with what is held
/// 5 transfer     images to the destination
/// 6 restore      up to the moment before it runs
/// 7 commit       the destination lets it run and home switches the path: the point of no return
/// 8 release      the frozen original is destroyed
/// </code>
/// A failure before 7 undoes all, the newest first: the process runs on here. If the answer to 7 is lost the
/// original stays frozen, and stopped, so that the death of CRIU or of this program can't wake it, until the
/// destination can be asked.
/// </para>
/// </summary>
internal sealed partial class Departure(
    ProcessRecord record,
    string migrationId,
    INode home,
    INode destination,
    DepartureParts parts,
    Action<MigrationEvent> report)
{
    private const int DumpAttempts = 8;

    private readonly List<MigrationPhase> _phases = [];
    private readonly ulong _epoch = record.Epoch + 1;
    private string _step = MigrationSteps.Preflight;
    private long _stepStarted;
    private long _holdStarted;
    private long _frozenSince;
    private TimeSpan _frozenFor;
    private TimeSpan _heldFor;
    private bool _holding;
    private bool _prepared;
    private HostedProcess? _hosted;
    private ProcessTree _tree = null!;
    private EndpointSet _endpoints = EndpointSet.Empty;
    private EndpointSet _withLegs = EndpointSet.Empty;
    private IReadOnlySet<Connection> _unanswered = EndpointSet.Empty.HalfOpen;
    private IReadOnlyList<Endpoint> _hostLegs = [];
    private IFrozenProcess? _dump;
    private string _images = "";
    private TransferReply _transfer = new();

    /// <summary>The step that is under way, or failed.</summary>
    public string Step => _step;

    /// <summary>Moves the process. When this returns the process runs at the destination.</summary>
    /// <exception cref="StepException">A step failed and all was undone: the process runs here.</exception>
    public async Task<MigrationResult> RunAsync(CancellationToken cancellation)
    {
        try
        {
            await PreflightAsync(cancellation);                     // 1
            await PrepareAsync(cancellation);                       // 2
            await HoldAndCheckpointAsync(cancellation);             // 3, 4
            await TransferAsync(cancellation);                      // 5
            await RestoreAsync(cancellation);                       // 6
        }
        catch (Exception e)
        {
            await UndoAsync(e);
            throw ToStepException(e);
        }

        var commit = await CommitAsync();                           // 7
        await ReleaseAsync();                                       // 8
        return new MigrationResult
        {
            Name = record.Name,
            Pid = record.Pid,
            From = parts.Identity.Name,
            To = destination.Name,
            Epoch = _epoch,
            Path = destination.Name == home.Name ? "local" : "relay",
            Connections = (uint)_endpoints.Connections.Count,
            Phases = { _phases },
            HoldMilliseconds = _heldFor.TotalMilliseconds,
            HeldPackets = commit.HeldPackets,
            HeldBytes = commit.HeldBytes,
            ImageBytes = _transfer.PlainBytes,
            FrozenMilliseconds = _frozenFor.TotalMilliseconds,
        };
    }

    private async Task PreflightAsync(CancellationToken cancellation)
    {
        Begin(MigrationSteps.Preflight);
        _tree = parts.Processes.ReadTree(record);
        ProcessInspector.CheckObstacles(_tree, record);
        await parts.Readiness.CheckAsync(cancellation);
        if (home.Name != parts.Identity.Name)
            await home.DescribeAsync(cancellation);
        _hosted = parts.Host.Find(record.Id);
        _endpoints = ProcessInspector.ReadEndpoints(_tree, record.HomeAddresses);
        _images = parts.Paths.NewImages(migrationId);
        parts.Checkpointer.Prepare(_hosted?.Cabin.NamespacePath);
    }

    private async Task PrepareAsync(CancellationToken cancellation)
    {
        Begin(MigrationSteps.Prepare);
        var request = new PrepareRequest
        {
            MigrationId = migrationId,
            Epoch = _epoch,
            Process = parts.Registry.Describe(record),
            Pids = { _tree.Processes.SelectMany(p => p.Threads) },
            Files = { ProcessInspector.ReadFiles(_tree) },
            ImageBytesEstimate = (ulong)ProcessInspector.EstimateImageBytes(_tree),
            Connections = (uint)_endpoints.Connections.Count,
            Listeners = (uint)_endpoints.Listeners.Count,
            HomeNodeAddress = home.Name == parts.Identity.Name ? parts.Identity.Address : parts.Nodes.AddressOf(home.Name),
        };
        _prepared = true;
        _hostLegs = [.. (await destination.PrepareAsync(request, cancellation)).HostLegs];
        await OpenLegsAsync(cancellation);
    }

    /// <summary>Opens the way out from the destination, before anything is held: every millisecond from the hold on is one of silence.</summary>
    private async Task OpenLegsAsync(CancellationToken cancellation)
    {
        var legs = new AllocateLegsRequest { ProcessId = record.Id, Epoch = record.Epoch, HostLegs = { _hostLegs }, Connections = { _endpoints.Connections } };
        _holding = true;
        var flows = _hostLegs.Count == 0 ? [] : (await home.AllocateLegsAsync(legs, cancellation)).Flows;
        var install = new InstallFlowsRequest { MigrationId = migrationId, Flows = { flows }, Listeners = { _endpoints.Listeners } };
        await destination.InstallFlowsAsync(install, cancellation);
        _withLegs = _endpoints;
    }

    /// <summary>
    /// Holds, dumps and compares: a socket that was opened after the look and before the freeze is covered by no
    /// hold, so its data may be acknowledged behind the image's back. A connection that is half open at the freeze is in no
    /// image, and its peer may take it for open. Either way the dump is refused (the process runs on, unharmed) and made
    /// again. A connection that waits in a backlog makes CRIU refuse; the program gets time to accept it while new ones are held.
    /// </summary>
    private async Task HoldAndCheckpointAsync(CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            Begin(MigrationSteps.Hold);
            if (_endpoints.Listeners.Count > 0)
                await DrainBacklogsAsync(cancellation);
            _endpoints = ProcessInspector.ReadEndpoints(parts.Processes.ReadTree(record), record.HomeAddresses);
            await HoldAsync(newOnly: false, cancellation);
            if (!_endpoints.Connections.SetEquals(_withLegs.Connections) || !_endpoints.Listeners.SetEquals(_withLegs.Listeners))
                await OpenLegsAsync(cancellation);
            if (_hosted is not null)
                await parts.Host.CloseAsync(_hosted, _endpoints.Lingering, cancellation);

            Begin(MigrationSteps.Checkpoint);
            try
            {
                _dump = await parts.Checkpointer.BeginDumpAsync(record.Pid, _images, _hosted?.Cabin.NamespacePath, cancellation);
            }
            catch (CheckpointException e) when (e.Code == CheckpointCode.InFlightConnections && attempt < DumpAttempts)
            {
                await LetPassAsync();
                continue;
            }

            _frozenSince = _dump.FrozenSince;
            var now = ProcessInspector.ReadEndpoints(parts.Processes.ReadTree(record), record.HomeAddresses);
            if (now.IsCoveredBy(_endpoints) && !now.HalfOpen.Except(_unanswered).Any())
            {
                await FollowChangesAsync(now, cancellation);
                return;
            }

            if (attempt == DumpAttempts)
            {
                throw new StepException(
                    MigrationSteps.Checkpoint, "connections-keep-changing", $"The process opened new connections at each of {DumpAttempts} attempts to freeze it. Try again when it is less busy.");
            }

            await _dump.RefuseAsync(CancellationToken.None);
            await _dump.DisposeAsync();
            _dump = null;
            await LetPassAsync();
        }
    }

    /// <summary>
    /// Between hold and freeze the program went on: what it accepted meanwhile needs a leg, and what it closed is no more in the
    /// image, so the stack that has it must bring it to its end.
    /// </summary>
    private async Task FollowChangesAsync(EndpointSet now, CancellationToken cancellation)
    {
        if (now.Connections.SetEquals(_endpoints.Connections))
            return;
        var closed = _endpoints.Connections.Except(now.Connections).ToList();
        _endpoints = now with { Lingering = now.Lingering.Union(closed).ToHashSet() };
        await HoldAsync(newOnly: false, cancellation);
        if (_hosted is not null)
            await parts.Host.CloseAsync(_hosted, _endpoints.Lingering, cancellation);
        await OpenLegsAsync(cancellation);
    }

    /// <summary>
    /// New connections are held, those under way get through and are accepted by the program. A peer that leaves its
    /// half-open connection at that doesn't stop the move.
    /// </summary>
    private async Task DrainBacklogsAsync(CancellationToken cancellation)
    {
        await HoldAsync(newOnly: true, cancellation);
        var started = Stopwatch.GetTimestamp();
        _endpoints = ProcessInspector.ReadEndpoints(_tree, record.HomeAddresses);
        while (_endpoints.HasBacklog && Stopwatch.GetElapsedTime(started) < parts.Options.BacklogDrain)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(2), cancellation);
            _endpoints = ProcessInspector.ReadEndpoints(_tree, record.HomeAddresses);
        }

        _unanswered = _endpoints.HalfOpen;
        if (_endpoints.HasUnaccepted)
        {
            throw new StepException(
                MigrationSteps.Hold,
                "backlog-not-drained",
                $"The program didn't accept the connections that wait on its listeners within {parts.Options.BacklogDrain.TotalSeconds:0} s. Let it accept them, then try again.");
        }
    }

    private async Task HoldAsync(bool newOnly, CancellationToken cancellation)
    {
        if (!newOnly && _dump is null)
            _holdStarted = Stopwatch.GetTimestamp();
        _holding = true;
        var request = new HoldEndpointsRequest
        {
            ProcessId = record.Id,
            Epoch = record.Epoch,
            NewConnectionsOnly = newOnly,
            Connections = { newOnly ? [] : _endpoints.Connections },
            Listeners = { _endpoints.Listeners },
            Lingering = { _hosted is null ? _endpoints.Lingering : [] },
        };
        await home.HoldEndpointsAsync(request, cancellation);
    }

    /// <summary>Another attempt needs the connections to move on first.</summary>
    private async Task LetPassAsync()
    {
        if (_hosted is not null)
            await parts.Host.OpenAsync(_hosted);
        await home.CancelHoldAsync(new CancelHoldRequest { ProcessId = record.Id, Epoch = record.Epoch }, CancellationToken.None);
        _holding = false;
        _withLegs = EndpointSet.Empty;
        _endpoints = ProcessInspector.ReadEndpoints(parts.Processes.ReadTree(record), record.HomeAddresses);
    }

    private async Task TransferAsync(CancellationToken cancellation)
    {
        Begin(MigrationSteps.Transfer);
        var files = ImageFile.Of(_images)
            .Concat(new[] { record.OutputPath, record.ErrorPath }.Where(File.Exists).Distinct().Select(f => new ImageFile(f, Path.GetFileName(f), IsSideFile: true)))
            .ToList();
        var total = (ulong)files.Sum(f => new FileInfo(f.Path).Length);
        var progress = new SynchronousProgress(bytes => Progress((ulong)bytes, total));
        _transfer = await destination.TransferAsync(write => ImageSender.SendAsync(migrationId, files, write, progress, cancellation), cancellation);
    }

    private async Task RestoreAsync(CancellationToken cancellation)
    {
        Begin(MigrationSteps.Restore);

        // From the next step on only the destination knows the outcome; that is on disk before it is asked.
        var noting = Task.Run(() => parts.Record(migrationId, record, destination.Name, MigrationSteps.Commit, MigrationOutcome.InDoubt), CancellationToken.None);
        await destination.RestoreAsync(new RestoreRequest { MigrationId = migrationId }, cancellation);
        await noting;
    }

    private async Task<CommitReply> CommitAsync()
    {
        Begin(MigrationSteps.Commit);
        CommitReply commit;
        try
        {
            commit = await destination.CommitAsync(new CommitRequest { MigrationId = migrationId, Epoch = _epoch }, CancellationToken.None);
        }
        catch (NodeException e) when (e.Unreachable)
        {
            commit = await ResolveAsync(e);
        }
        catch (NodeException e)
        {
            await UndoAsync(e);
            throw ToStepException(e);
        }

        _frozenFor = Stopwatch.GetElapsedTime(_frozenSince);
        _heldFor = Stopwatch.GetElapsedTime(_holdStarted);
        return commit;
    }

    /// <summary>The answer to COMMIT is lost: only the destination knows.</summary>
    private async Task<CommitReply> ResolveAsync(NodeException lost)
    {
        var started = Stopwatch.GetTimestamp();
        var told = false;
        while (true)
        {
            var outcome = parts.Verdicts.Take(record.Id) switch
            {
                true => Outcome.Committed,
                false => Outcome.Aborted,
                null => await QueryAsync(),
            };
            switch (outcome)
            {
                case Outcome.Committed:
                    return new CommitReply();
                case Outcome.Aborted or Outcome.Unknown:
                    await UndoAsync(lost);
                    throw ToStepException(lost);
                case Outcome.Prepared:
                    try
                    {
                        return await destination.CommitAsync(new CommitRequest { MigrationId = migrationId, Epoch = _epoch }, CancellationToken.None);
                    }
                    catch (NodeException)
                    {
                        break;
                    }
            }

            if (!told && Stopwatch.GetElapsedTime(started) > parts.Options.CommitWait)
            {
                told = true;
                var note = $"Node '{destination.Name}' may or may not have taken over at {DateTimeOffset.Now:u}; it can't be asked. Resolves itself when it can.";
                parts.Log.InDoubt(migrationId, record.Id, lost.Message);
                parts.Registry.TryMark(record, ProcessState.InDoubt, note);
                report(new MigrationEvent
                {
                    Failure = new MigrationFailure { Phase = _step, Code = "in-doubt", Message = $"{note} A person can decide with 'twins resolve {record.Name} --run-here|--gone'.", InDoubt = true },
                });
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200));
        }
    }

    /// <summary>Null when the destination can't be reached.</summary>
    private async Task<Outcome?> QueryAsync()
    {
        try
        {
            return (await destination.QueryMigrationAsync(new QueryMigrationRequest { MigrationId = migrationId }, CancellationToken.None)).Outcome;
        }
        catch (NodeException)
        {
            return null;
        }
    }

    private async Task ReleaseAsync()
    {
        Begin(MigrationSteps.Release);
        await _dump!.CompleteAsync(CancellationToken.None);
        await _dump.DisposeAsync();
        if (_hosted is not null)
            await parts.Host.RemoveAsync(record.Id);
        parts.Registry.Departed(record, home.Name);
        if (home.Name == parts.Identity.Name)
            await parts.Home.ReserveAsync(record.Id, CancellationToken.None);
        parts.Paths.RemoveImages(_images);
        End();
    }

    /// <summary>All back, the newest first. Nothing here may stop the rest from being undone.</summary>
    private async Task UndoAsync(Exception cause)
    {
        parts.Log.Undoing(migrationId, record.Id, _step, cause.Message);
        if (_prepared)
            await TryAsync("abort", () => DepartureParts.GiveUpAsync(destination, migrationId, cause.Message));
        if (_dump is not null)
        {
            await TryAsync("unfreeze", () => _dump.RefuseAsync(CancellationToken.None));
            await TryAsync("unfreeze", async () => await _dump.DisposeAsync());
        }

        if (_hosted is not null)
            await TryAsync("open", () => parts.Host.OpenAsync(_hosted));
        if (_holding)
            await TryAsync("cancel-hold", () => parts.LetGoAsync(record));
        parts.Paths.RemoveImages(_images);
    }

    private async Task TryAsync(string what, Func<Task> undo)
    {
        try
        {
            await undo();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            parts.Log.NotUndone(migrationId, what, e.Message);
        }
    }

    private StepException ToStepException(Exception e) => e switch
    {
        StepException s => s,
        NodeException n => new StepException(_step, n.Code, n.Message, n),
        CheckpointException c => new StepException(_step, c.Code, c.Message, c),
        OperationCanceledException => new StepException(_step, "cancelled", "The migration was cancelled; the process runs on where it was.", e),
        _ => new StepException(_step, "failed", e.Message, e),
    };

    private void Begin(string step)
    {
        End();
        _step = step;
        _stepStarted = Stopwatch.GetTimestamp();
        report(new MigrationEvent { Progress = new MigrationProgress { Phase = step } });
    }

    /// <summary>Ends the step that is under way. One that is gone through twice has one entry, with both times.</summary>
    private void End()
    {
        if (_stepStarted == 0)
            return;
        var phase = _phases.FirstOrDefault(p => p.Name == _step);
        if (phase is null)
            _phases.Add(phase = new MigrationPhase { Name = _step });
        phase.Milliseconds += Stopwatch.GetElapsedTime(_stepStarted).TotalMilliseconds;
        _stepStarted = 0;
        report(new MigrationEvent { Progress = new MigrationProgress { Phase = _step, Milliseconds = phase.Milliseconds } });
    }

    /// <summary>Reports in order, on the thread that made the progress.</summary>
    private sealed class SynchronousProgress(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }

    private void Progress(ulong bytes, ulong total) =>
        report(new MigrationEvent { Progress = new MigrationProgress { Phase = _step, Bytes = bytes, TotalBytes = total } });
}

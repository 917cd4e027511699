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

namespace Twins.Manager.Migration;

/// <summary>
/// One migration, at the node that the process leaves.
/// <para>
/// <code>
/// 1 preflight    everything that can be known to fail, before anything changes
/// 2 prepare      the destination makes a cabin and gets the memory as it is; CRIU is started on both sides
/// 3 hold         home holds what comes in (new connections first, so that backlogs drain)
/// 4 checkpoint   the process is frozen and dumped; its sockets are compared with what is held
/// 5 transfer     images to the destination, less what it has already
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
    Action<MigrationEvent> report) : IDisposable
{
    private readonly StepClock _clock = new(report);
    private readonly ulong _epoch = record.Epoch + 1;
    private readonly ImageSender _sender = new(migrationId);
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
    private LongFreeze? _freeze;
    private string _images = "";
    private TransferReply _transfer = new();

    /// <summary>The step that is under way, or failed.</summary>
    public string Step => _clock.Step;

    /// <summary>Steps that have ended.</summary>
    public IReadOnlyList<MigrationPhase> Phases => _clock.Phases;

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
            Phases = { _clock.Phases },
            HoldMilliseconds = _heldFor.TotalMilliseconds,
            HeldPackets = commit.HeldPackets,
            HeldBytes = commit.HeldBytes,
            ImageBytes = _transfer.PlainBytes,
            FrozenMilliseconds = _frozenFor.TotalMilliseconds,
        };
    }

    /// <inheritdoc/>
    public void Dispose() => _sender.Dispose();

    private async Task PreflightAsync(CancellationToken cancellation)
    {
        _clock.Begin(MigrationSteps.Preflight);
        _tree = parts.Processes.ReadTree(record);
        ProcessInspector.CheckObstacles(_tree, record);
        await parts.Readiness.CheckAsync(cancellation);
        if (home.Name != parts.Identity.Name)
            await home.DescribeAsync(cancellation);
        await parts.LettingGo.SettleAsync(record, cancellation);
        _hosted = parts.Host.Find(record.Id);
        _endpoints = ProcessInspector.ReadEndpoints(_tree, record.HomeAddresses);
        _images = parts.Paths.NewImages(migrationId);
        parts.Checkpointer.Prepare(_hosted?.Place.NamespacePath);
    }

    private async Task PrepareAsync(CancellationToken cancellation)
    {
        _clock.Begin(MigrationSteps.Prepare);
        var request = parts.ToPrepare(record, migrationId, _tree, _endpoints);
        _prepared = true;
        _hostLegs = [.. (await destination.PrepareAsync(request, cancellation)).HostLegs];
        await OpenLegsAsync(cancellation);
        await PrecopyAsync(cancellation);
    }

    /// <summary>Sends the memory while the process still runs: of what it holds when it is frozen only what has changed is sent then.</summary>
    private async Task PrecopyAsync(CancellationToken cancellation)
    {
        var total = ProcessInspector.EstimateImageBytes(_tree);
        var progress = new SynchronousProgress(bytes => _clock.Progress(bytes, Math.Max(bytes, total)));
        await destination.TransferAsync(write => _sender.SendPagesAsync(ProcessMemory.Read(_tree.Pids), write, progress, cancellation), cancellation);
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

    private async Task TransferAsync(CancellationToken cancellation)
    {
        _clock.Begin(MigrationSteps.Transfer);
        var files = ImageFile.Of(_images)
            .Concat(new[] { record.OutputPath, record.ErrorPath }.Where(File.Exists).Distinct().Select(f => new ImageFile(f, Path.GetFileName(f), IsSideFile: true)))
            .ToList();
        var total = files.Sum(f => new FileInfo(f.Path).Length);
        var progress = new SynchronousProgress(bytes => _clock.Progress(bytes, total));
        _transfer = await destination.TransferAsync(write => _sender.SendAsync(files, write, progress, cancellation), cancellation);
    }

    private async Task RestoreAsync(CancellationToken cancellation)
    {
        _clock.Begin(MigrationSteps.Restore);

        // From the next step on only the destination knows the outcome; that is on disk before it is asked.
        var noting = Task.Run(() => parts.Record(migrationId, record, destination.Name, MigrationSteps.Commit, MigrationOutcome.InDoubt), CancellationToken.None);
        await destination.RestoreAsync(new RestoreRequest { MigrationId = migrationId }, cancellation);
        await noting;
    }

    /// <summary>All back, the newest first. Nothing here may stop the rest from being undone.</summary>
    private async Task UndoAsync(Exception cause)
    {
        parts.Log.Undoing(migrationId, record.Id, Step, cause.Message);
        if (_freeze is not null)
            await _freeze.DisposeAsync();
        if (_prepared)
            await TryAsync("abort", () => DepartureParts.GiveUpAsync(destination, migrationId, cause.Message));
        if (_dump is not null)
        {
            await TryAsync("unfreeze", () => _dump.RefuseAsync(CancellationToken.None));
            await TryAsync("unfreeze", async () => await _dump.DisposeAsync());
        }

        parts.Checkpointer.Discard(_hosted?.Place.NamespacePath);
        if (_hosted is not null)
            await TryAsync("open", () => parts.Host.OpenAsync(_hosted));
        if (_holding)
            await TryAsync("cancel-hold", () => parts.LettingGo.LetGoAsync(record));
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
        OperationCanceledException => new StepException(Step, "cancelled", "The migration was cancelled; the process runs on where it was. 'twins migrate' starts another one.", e),
        _ => Told(NodeFailure.Explain(e, parts.Identity.Name, "failed")),
    };

    private StepException Told(NodeException e) => new(Step, e.Code, e.Message, e);

    /// <summary>Reports in order, on the thread that made the progress.</summary>
    private sealed class SynchronousProgress(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }
}

using Twins.Manager.Cluster;
using Twins.Manager.Checkpoint;
using Twins.Manager.Home;
using Twins.Manager.Host;
using Twins.Manager.Nodes;
using Twins.Manager.Processes;
using Twins.Manager.Registry;
using Twins.Manager.Settings;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Migration;

/// <summary>What a departure works with.</summary>
internal sealed class DepartureParts(
    TwinsdOptions options,
    NodeCluster identity,
    NodeMap nodes,
    ITableStore table,
    ProcessRegistry registry,
    ProcessInspector processes,
    ICheckpointer checkpointer,
    CheckpointReadiness readiness,
    HostRole host,
    HomeRole home,
    TwinPaths paths,
    Verdicts verdicts,
    LettingGo lettingGo,
    ILogger<Departure> log)
{
    public TwinsdOptions Options => options;

    public NodeCluster Identity => identity;

    public NodeMap Nodes => nodes;

    public ProcessRegistry Registry => registry;

    public ProcessInspector Processes => processes;

    public ICheckpointer Checkpointer => checkpointer;

    public CheckpointReadiness Readiness => readiness;

    public HostRole Host => host;

    public HomeRole Home => home;

    public TwinPaths Paths => paths;

    public Verdicts Verdicts => verdicts;

    public LettingGo LettingGo => lettingGo;

    public DepartureLog Log { get; } = new(log);

    /// <summary>
    /// Tells the destination to undo what it has prepared. One that can't be reached is told again for as long as it would
    /// wait for us by itself.
    /// </summary>
    public static async Task GiveUpAsync(INode destination, string migrationId, string reason)
    {
        var request = new AbortRequest { MigrationId = migrationId, Reason = reason };
        try
        {
            await destination.AbortAsync(request, CancellationToken.None);
        }
        catch (NodeException e) when (e.Unreachable)
        {
            _ = Task.Run(async () =>
            {
                for (var attempt = 0; attempt < 120; attempt++)
                {
                    await Task.Delay(TimeSpan.FromSeconds(1));
                    try
                    {
                        await destination.AbortAsync(request, CancellationToken.None);
                        return;
                    }
                    catch (NodeException again) when (again.Unreachable)
                    {
                        continue;
                    }
                    catch (NodeException)
                    {
                        return;
                    }
                }
            });
        }
    }

    /// <summary>
    /// The original is gone on a person's word, and the node that is said to run the process hasn't told home yet. If it turns
    /// out that it never took over, the process runs nowhere, and nothing is held for it any more.
    /// </summary>
    public async Task FollowDepartedAsync(ProcessRecord record, string migrationId, string destination)
    {
        while (registry.FindById(record.Id) is { State: ProcessState.Migrating } now && now.Epoch == record.Epoch)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(500));
            try
            {
                var outcome = (await nodes.Get(destination).QueryMigrationAsync(new QueryMigrationRequest { MigrationId = migrationId }, CancellationToken.None)).Outcome;
                if (outcome is not (QueryMigrationReply.Types.Outcome.Aborted or QueryMigrationReply.Types.Outcome.Unknown))
                    continue;
                Log.Lost(migrationId, record.Id, destination);
                registry.Forget(record.Id, record.Epoch);
                await home.ForgetAsync(new ForgetProcessRequest { ProcessId = record.Id, Epoch = record.Epoch }, CancellationToken.None);
                return;
            }
            catch (NodeException)
            {
                // It can't be reached yet.
            }
        }
    }

    /// <summary>What the destination has to know of a process before it comes.</summary>
    public PrepareRequest ToPrepare(ProcessRecord record, string migrationId, ProcessTree tree, EndpointSet endpoints) => new()
    {
        MigrationId = migrationId,
        Epoch = record.Epoch + 1,
        Process = Registry.Describe(record),
        Pids = { tree.Processes.SelectMany(p => p.Threads) },
        Files = { ProcessInspector.ReadFiles(tree) },
        ImageBytesEstimate = (ulong)ProcessInspector.EstimateImageBytes(tree),
        Connections = (uint)endpoints.Connections.Count,
        Listeners = (uint)endpoints.Listeners.Count,
        HomeNodeAddress = record.HomeNode == Identity.Name ? Identity.Address : Nodes.AddressOf(record.HomeNode),
    };

    /// <summary>Writes how the migration stands, for a restart and as history.</summary>
    /// <param name="migrationId">Its identifier.</param>
    /// <param name="record">The process, as it was before.</param>
    /// <param name="destination">Where it goes.</param>
    /// <param name="step">The one that it is in or ended in.</param>
    /// <param name="outcome">How it stands.</param>
    /// <param name="message">Cause and remedy of a failure.</param>
    /// <param name="phases">Steps that have ended.</param>
    /// <param name="result">What there is to tell of one that is committed.</param>
    public void Record(
        string migrationId,
        ProcessRecord record,
        string destination,
        string step,
        MigrationOutcome outcome,
        string message = "",
        IReadOnlyList<MigrationPhase>? phases = null,
        MigrationResult? result = null) =>
        table.TryPutMigration(new MigrationRow
        {
            MigrationId = migrationId,
            Role = MigrationRole.Source,
            ProcessId = record.Id,
            Epoch = record.Epoch + 1,
            Peer = destination,
            Phase = step,
            Outcome = outcome,
            Message = message,
            Steps = [.. (phases ?? []).Select(p => new MigrationStep(p.Name, TimeSpan.FromMilliseconds(p.Milliseconds)))],
            Frozen = TimeSpan.FromMilliseconds(result?.FrozenMilliseconds ?? 0),
            Hold = TimeSpan.FromMilliseconds(result?.HoldMilliseconds ?? 0),
            HeldPackets = result?.HeldPackets ?? 0,
            HeldBytes = result?.HeldBytes ?? 0,
        });
}

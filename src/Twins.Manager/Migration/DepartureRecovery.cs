using Twins.Manager.Checkpoint;
using Twins.Manager.Nodes;
using Twins.Manager.Registry;
using Twins.Protocol;
using Twins.Table;
using Outcome = Twins.Protocol.QueryMigrationReply.Types.Outcome;

namespace Twins.Manager.Migration;

/// <summary>
/// After a restart: what became of the migrations that this node had under way as source. Before COMMIT was sent
/// the process is ours; CRIU, which died with us or saw us vanish, has let it go. After that only the
/// destination knows; the original is stopped until it has said so.
/// </summary>
internal sealed class DepartureRecovery(DepartureParts parts, ITableStore table)
{
    /// <summary>Settles what can be settled at once; what is in doubt goes on in the background.</summary>
    public async Task RecoverAsync()
    {
        foreach (var row in table.ListUndecidedMigrations().Where(r => r.Role == MigrationRole.Source && r.Phase != MigrationSteps.Redirect))
        {
            var record = table.Find(row.ProcessId);
            if (record is null || record.Epoch >= row.Epoch)
            {
                // The record has moved on: the destination committed and home was told. One that is here is back already.
                await DestroyAsync(row, record?.CurrentNode == parts.Identity.Name ? null : record);
                continue;
            }

            if (row.Outcome == MigrationOutcome.Running)
                await RunHereAsync(row, record);
            else
                _ = Task.Run(() => ResolveAsync(row, record));
        }

        // A migration of theirs may have been undone while home couldn't be reached.
        foreach (var guest in table.List().Where(r => r.State == ProcessState.Running && r.CurrentNode == parts.Identity.Name && r.Role == NodeRole.Host))
            _ = Task.Run(() => parts.LettingGo.LetGoAsync(guest));
        var undecided = table.ListUndecidedMigrations().Select(r => r.ProcessId).ToHashSet();
        foreach (var record in table.List().Where(r => r.State == ProcessState.Migrating && r.CurrentNode == parts.Identity.Name && !undecided.Contains(r.Id)))
        {
            var row = table.ListMigrations(record.Id).FirstOrDefault(r => r.Role == MigrationRole.Source && r.Epoch == record.Epoch + 1 && r.Outcome == MigrationOutcome.Committed);
            // Without one the crash came before the migration was noted, or after it was undone.
            if (row is null)
                await RunHereAsync(record);
            else if (record.Role == NodeRole.Home)
                _ = Task.Run(() => parts.FollowDepartedAsync(record, row.MigrationId, row.Peer));
            else
                await DestroyAsync(row, record);
        }
    }

    private async Task ResolveAsync(MigrationRow row, ProcessRecord record)
    {
        parts.Verdicts.Discard(record.Id);
        parts.Registry.TryMark(record, ProcessState.InDoubt, $"This node was restarted while '{row.Peer}' was asked to take over; it is being asked.");
        while (true)
        {
            var outcome = parts.Verdicts.Take(record.Id) switch
            {
                true => Outcome.Committed,
                false => Outcome.Aborted,
                null => await AskAsync(row),
            };
            if (outcome == Outcome.Committed)
            {
                await DestroyAsync(row, record);
                return;
            }

            if (outcome is Outcome.Aborted or Outcome.Unknown)
            {
                await RunHereAsync(row, record);
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(500));
        }
    }

    /// <summary>What the destination has prepared it can give up at once; it would find out by itself, later.</summary>
    private async Task AbortAsync(MigrationRow row)
    {
        try
        {
            await parts.Nodes.Get(row.Peer).AbortAsync(new AbortRequest { MigrationId = row.MigrationId, Reason = "The source was restarted." }, CancellationToken.None);
        }
        catch (NodeException)
        {
            // It can't be reached, or has given up already.
        }
    }

    private async Task<Outcome?> AskAsync(MigrationRow row)
    {
        try
        {
            var node = parts.Nodes.Get(row.Peer);
            var outcome = (await node.QueryMigrationAsync(new QueryMigrationRequest { MigrationId = row.MigrationId }, CancellationToken.None)).Outcome;
            if (outcome == Outcome.Prepared)
                await node.AbortAsync(new AbortRequest { MigrationId = row.MigrationId, Reason = "The source was restarted." }, CancellationToken.None);
            return outcome;
        }
        catch (NodeException)
        {
            return null;
        }
    }

    private async Task RunHereAsync(MigrationRow row, ProcessRecord record)
    {
        parts.Log.Recovered(row.MigrationId, row.ProcessId, row.Phase, "it runs here");
        _ = Task.Run(() => AbortAsync(row));
        table.TryPutMigration(row with { Outcome = MigrationOutcome.RolledBack, Message = "This node's twinsd was restarted. The process runs on where it was; move it again." });
        await RunHereAsync(record);
    }

    private async Task RunHereAsync(ProcessRecord record)
    {
        if (ProcessRegistry.IsAlive(record))
        {
            // Stopped, and perhaps with its connections in repair mode, by the migration that we no longer remember.
            using var guard = FreezeGuard.Set(parts.Processes.ReadTree(record).Pids);
            guard.RunHere();
        }

        if (parts.Host.Find(record.Id) is { } hosted)
            await parts.Host.OpenAsync(hosted);
        await parts.LettingGo.LetGoAsync(record);
        parts.Registry.TryMark(record, ProcessState.Running);
    }

    private async Task DestroyAsync(MigrationRow row, ProcessRecord? record)
    {
        parts.Log.Recovered(row.MigrationId, row.ProcessId, row.Phase, $"it runs on '{row.Peer}'");
        // While the original is there the process can't come back.
        var hosted = parts.Host.Find(row.ProcessId);
        if (record is not null && ProcessInspector.TryReadOriginal(record) is { } tree)
        {
            using var guard = FreezeGuard.Set(tree.Pids);
            guard.Destroy();
        }

        if (record is not null)
        {
            if (hosted is not null)
                await parts.Host.RemoveAsync(hosted);
            parts.Registry.Departed(record, record.HomeNode);
            await parts.Home.ReserveAsync(record.Id, CancellationToken.None);
            _ = Task.Run(() => parts.FollowDepartedAsync(record, row.MigrationId, row.Peer));
        }

        table.TryPutMigration(row with { Outcome = MigrationOutcome.Committed });
    }
}

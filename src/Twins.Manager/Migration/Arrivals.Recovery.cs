using Twins.Protocol;
using Twins.Table;
using Outcome = Twins.Protocol.QueryMigrationReply.Types.Outcome;

namespace Twins.Manager.Migration;

/// <content>What was under way when twinsd ended.</content>
internal sealed partial class Arrivals
{
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
}

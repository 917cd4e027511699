using System.Diagnostics;
using Twins.Manager.Checkpoint;
using Twins.Manager.Host;
using Twins.Manager.Registry;
using Twins.Protocol;
using Twins.Table;
using Outcome = Twins.Protocol.QueryMigrationReply.Types.Outcome;

namespace Twins.Manager.Migration;

/// <content>What was under way when twinsd ended.</content>
internal sealed partial class Arrivals
{
    // CRIU notices our end and kills what it hasn't resumed within milliseconds; what is there afterwards was resumed.
    private static readonly TimeSpan OrphanTime = TimeSpan.FromSeconds(3);

    /// <summary>
    /// After a restart: what was under way is what the kernel shows. CRIU kills what it restored when we vanish before
    /// the commit point; a process that runs was resumed, so it was committed.
    /// </summary>
    public async Task RecoverAsync()
    {
        var rows = table.ListUndecidedMigrations().Where(r => r.Role == MigrationRole.Destination).ToList();
        var started = Stopwatch.GetTimestamp();
        while (rows.Count > 0 && CriuOrphans.Find().Count > 0 && Stopwatch.GetElapsedTime(started) < OrphanTime)
            await Task.Delay(LookInterval);
        foreach (var row in rows)
        {
            var record = table.Find(row.ProcessId);
            if (row.MigrationId.StartsWith(MigrationSteps.RedirectPrefix, StringComparison.Ordinal) && record is not null && host.Find(row.ProcessId) is { } waiting)
            {
                WatchAgain(row, record, waiting);
                continue;
            }

            var here = record is not null && ProcessRegistry.RunsHere(record, row.Epoch);
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
                if (host.Find(record.Id) is { } hosted)
                    await host.RemoveAsync(hosted);
                registry.Forget(record.Id, record.Epoch);
            }
        }
    }

    /// <summary>What another program is to restore is waited for as before, in the cabin that is still there.</summary>
    private void WatchAgain(MigrationRow row, ProcessRecord record, HostedProcess hosted)
    {
        var request = new PrepareRequest { MigrationId = row.MigrationId, Epoch = row.Epoch, Process = registry.Describe(record), OtherMigrator = true };
        var arrival = new Arrival(row.Peer, request, imagesDirectory: "")
        {
            Hosted = hosted,
            Flows = [.. hosted.Flows.Values],
            Listeners = [.. hosted.Listeners],
        };
        _arrivals[arrival.Id] = arrival;
        ExpectNextCall(arrival);
        arrival.Watch = Task.Run(() => WatchAsync(arrival), CancellationToken.None);
        LogRecovered(row.MigrationId, row.ProcessId, "waits for what another program restores");
    }
}

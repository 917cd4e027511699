using Twins.Table;
using Outcome = Twins.Protocol.QueryMigrationReply.Types.Outcome;

namespace Twins.Manager.Migration;

/// <content>What ends an arrival without a commit.</content>
internal sealed partial class Arrivals
{
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
        // Nothing works with twin and cabin any more when they are given back. Whether it could be opened doesn't matter now.
        if (arrival.Opening is { } opening)
            await opening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (arrival.Hosted is null)
            await home.SilenceAsync(arrival.Request.Process.ProcessId);
        if (arrival.Restore is { } restore)
        {
            await restore.AbandonAsync(CancellationToken.None);
            await restore.DisposeAsync();
        }

        if (!arrival.Request.OtherMigrator)
            checkpointer.Discard(arrival.Hosted?.Place.NamespacePath);
        if (arrival.Hosted is { } hosted)
            await host.RemoveAsync(hosted);
        registry.NotArrived(arrival.Request.Process.ProcessId, arrival.Request.Epoch);
        paths.RemoveImages(arrival.ImagesDirectory);
        Record(arrival, "", MigrationOutcome.Aborted, reason);
        _arrivals.TryRemove(arrival.Id, out _);
    }

    /// <summary>A source that falls silent is given up: it learns so when it asks.</summary>
    private void ExpectNextCall(Arrival arrival)
    {
        var patience = arrival.Request.OtherMigrator ? options.HandWait : arrival.Restore is null ? ArrivalWait : options.CommitWait;
        arrival.Deadline?.Dispose();
        var calls = ++arrival.Calls;
        arrival.Deadline = new Timer(_ => _ = Task.Run(() => GiveUpAsync(arrival, calls, patience)), null, patience, Timeout.InfiniteTimeSpan);
    }

    private async Task GiveUpAsync(Arrival arrival, int calls, TimeSpan patience)
    {
        if (arrival.Patience.IsCancellationRequested)
            return;
        await arrival.Gate.WaitAsync();
        try
        {
            // A call that was under way meanwhile, such as a long transfer, was heard of.
            if (arrival.Outcome == Outcome.Prepared && arrival.Calls == calls && !arrival.Patience.IsCancellationRequested)
            {
                await AbortAsync(arrival, arrival.Request.OtherMigrator
                    ? arrival.Hosted is { Place.Address: not null }
                        ? $"Nothing took its place here within {patience.TotalSeconds:0} s; missing: {arrival.Missing}."
                        : $"Not restored in the cabin within {patience.TotalSeconds:0} s; it lacks {arrival.Missing}."
                    : $"Node '{arrival.From}' said nothing for {patience.TotalSeconds:0} s.");
            }
        }
        finally
        {
            arrival.Gate.Release();
        }
    }
}

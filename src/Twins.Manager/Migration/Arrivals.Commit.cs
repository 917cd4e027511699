using System.Diagnostics;
using Twins.Manager.Nodes;
using Twins.Protocol;
using Twins.Table;
using Outcome = Twins.Protocol.QueryMigrationReply.Types.Outcome;

namespace Twins.Manager.Migration;

/// <content>The commit point.</content>
internal sealed partial class Arrivals
{
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
                throw GivenUp(request.MigrationId);
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

    private async Task<CommitReply> CommitAsync(Arrival arrival)
    {
        var process = arrival.Request.Process;

        if (arrival.Opening is { } opening)
            await opening;
        else if (arrival.Hosted is { } hosted)
            await host.OpenAsync(hosted);
        if (arrival.Hosted is null)
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
        var isTold = true;
        try
        {
            var switched = await nodes.Get(process.Home).SwitchPathAsync(PathHere(arrival), CancellationToken.None);
            reply.HeldPackets = switched.HeldPackets;
            reply.HeldBytes = switched.HeldBytes;
        }
        catch (NodeException e) when (arrival.Restore is not null || e.Code is not ("stale-epoch" or "unknown-process"))
        {
            // It runs here and home doesn't know yet: its twin goes on holding. Told again until it does.
            LogHomeNotTold(process.ProcessId, process.Home, e.Message);
            isTold = false;
        }

        // What another program restored runs by itself: its commit point is home's answer, because a person may have
        // released it there.
        arrival.Outcome = Outcome.Committed;
        if (arrival.Hosted is null)
            registry.Arrived(process, arrival.Request.Epoch, NodeRole.Home, arrival.Restore!.Pid);
        else
            registry.NoteStart(process.ProcessId, arrival.Request.Epoch);
        Record(arrival, MigrationSteps.Commit, MigrationOutcome.Committed);
        if (!isTold)
            _ = Task.Run(() => AnnounceAsync(table.Find(process.ProcessId)!, CancellationToken.None));
        reply.SwitchMilliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
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
}

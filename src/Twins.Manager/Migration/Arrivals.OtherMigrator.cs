using Twins.Manager.Host;
using Twins.Protocol;
using Twins.Table;
using Outcome = Twins.Protocol.QueryMigrationReply.Types.Outcome;

namespace Twins.Manager.Migration;

/// <content>A process that another program restores, or whose place another instance of it takes.</content>
internal sealed partial class Arrivals
{
    /// <summary>
    /// Waits until another program has restored the process: only then do packets come in, because a cabin without the
    /// sockets would answer them with RST; so would a node on which nobody listens.
    /// </summary>
    private async Task WatchAsync(Arrival arrival)
    {
        var process = arrival.Request.Process;
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
                    var guest = Look(arrival);
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

    private FoundGuest Look(Arrival arrival)
    {
        var process = arrival.Request.Process;
        var place = arrival.Hosted!.Place;
        var guest = place.Find(process, arrival.Flows, arrival.Listeners);
        // Its connections would be held twice, as its own and as home's. In a cabin nobody else lives.
        return place.Address is not null && guest.Pid > 0 && table.FindByPid(guest.Pid) is { State: not ProcessState.Exited } other
            && other.Id != process.ProcessId && other.CurrentNode == cluster.Name
            ? new FoundGuest(0, $"a process that is no mobile process itself, as PID {guest.Pid} is ('{other.Name}'): start it without 'twins run'")
            : guest;
    }
}

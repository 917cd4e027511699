using System.Collections.Immutable;
using Twins.Protocol;
using Outcome = Twins.Protocol.QueryMigrationReply.Types.Outcome;

namespace Twins.Manager.Migration;

/// <content>A process that another program restores.</content>
internal sealed partial class Arrivals
{
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
}

using System.Collections.Concurrent;
using Twins.Manager.Nodes;
using Twins.Manager.Registry;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Migration;

/// <summary>
/// Tells home to let go what it holds for a process that runs on where it was. A home that can't be reached, or can't do it
/// now, is told again until it has done it, in the background: it would hold for ever.
/// </summary>
internal sealed class LettingGo(NodeMap nodes, ProcessRegistry registry)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, Task> _underWay = new();

    /// <summary>Tells it once; if that is in vain, again and again from then on.</summary>
    public async Task LetGoAsync(ProcessRecord record)
    {
        if (await TryAsync(record))
            return;
        var telling = Task.Run(async () =>
        {
            do
                await Task.Delay(Pause);
            while (registry.FindById(record.Id) is { } now && now.Epoch == record.Epoch && !await TryAsync(record));
        });
        _underWay[record.Id] = telling;
        _ = telling.ContinueWith(_ => _underWay.TryRemove(KeyValuePair.Create(record.Id, telling)), TaskScheduler.Default);
    }

    /// <summary>What home holds of an undone migration it must let go before the next one begins: said later, it would undo that one's hold.</summary>
    /// <exception cref="NodeException">Home still hasn't done it after a while.</exception>
    public async Task SettleAsync(ProcessRecord record, CancellationToken cancellation)
    {
        if (!_underWay.TryGetValue(record.Id, out var telling))
            return;
        try
        {
            await telling.WaitAsync(Patience, cancellation);
        }
        catch (TimeoutException e)
        {
            throw new NodeException(
                record.HomeNode, "still-held", $"Node '{record.HomeNode}' hasn't let go yet what it held for '{record.Name}' in a migration that was undone. It is told twice a second; try again when twinsd answers there.", inner: e);
        }
    }

    private async Task<bool> TryAsync(ProcessRecord record)
    {
        try
        {
            await nodes.Get(record.HomeNode).CancelHoldAsync(new CancelHoldRequest { ProcessId = record.Id, Epoch = record.Epoch }, CancellationToken.None);
            return true;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Anything but these two is worth another try.
            return e is NodeException { Code: "unknown-process" or "stale-epoch" };
        }
    }
}

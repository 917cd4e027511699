using System.Collections.Immutable;
using System.Threading.Channels;

namespace Twins.Table.Sqlite;

/// <summary>
/// One watcher's unread changes: the newest record of each changed process. Beyond <see cref="MostPending"/>
/// changed processes they are forgotten and the watcher reads the whole table again, so it stays bounded.
/// </summary>
internal sealed class TableWatcher
{
    public const int MostPending = 4096;

    private readonly Lock _lock = new();
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private Dictionary<string, ProcessRecord?> _pending = [];
    private bool _needsSnapshot = true;

    public TableWatcher() => _signal.Writer.TryWrite(true);

    /// <summary>Notes that a process changed; null: it is gone.</summary>
    public void Note(string id, ProcessRecord? record)
    {
        lock (_lock)
        {
            if (_needsSnapshot)
                return;
            _pending[id] = record;
            if (_pending.Count > MostPending)
                RequireSnapshot();
        }

        _signal.Writer.TryWrite(true);
    }

    /// <summary>The watcher gets no more changes.</summary>
    public void Complete() => _signal.Writer.TryComplete();

    /// <summary>Waits for a change; false when there will be none.</summary>
    public async ValueTask<bool> WaitAsync(CancellationToken cancellationToken)
    {
        if (!await _signal.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            return false;
        _signal.Reader.TryRead(out _);
        return true;
    }

    /// <summary>
    /// Takes what is unread; null: nothing. Call under the store's lock, so that a snapshot and the changes after it meet.
    /// </summary>
    public TableChanges? Take(Func<ImmutableArray<ProcessRecord>> snapshot)
    {
        lock (_lock)
        {
            if (_needsSnapshot)
            {
                _needsSnapshot = false;
                return new TableChanges(true, snapshot(), []);
            }

            if (_pending.Count == 0)
                return null;
            var taken = _pending;
            _pending = [];
            return new TableChanges(
                false,
                [.. taken.Values.OfType<ProcessRecord>()],
                [.. taken.Where(pair => pair.Value is null).Select(pair => pair.Key)]);
        }
    }

    private void RequireSnapshot()
    {
        _pending = [];
        _needsSnapshot = true;
    }
}

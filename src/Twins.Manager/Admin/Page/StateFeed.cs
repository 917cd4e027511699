using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Grpc.Core;
using Twins.Manager.Cluster;
using Twins.Manager.Migration;
using Twins.Manager.Nodes;
using Twins.Manager.Registry;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Admin.Page;

/// <summary>
/// What there is to see of this node and its cluster, taken once for all who watch: once a second, sooner while a migration goes on,
/// and not at all while nobody watches. A watcher that is slow misses some, and never waits for others. Thread safe.
/// </summary>
internal sealed partial class StateFeed(
    ProcessRegistry registry, ProcessView view, NodeList nodeList, MigrationBoard board, NodeCluster identity, TimeProvider time, ILogger<StateFeed> log) : IDisposable
{
    public const int MostWatchers = 64;

    /// <summary>Endpoints of a process that everybody is shown.</summary>
    public const int FirstEndpoints = 20;

    /// <summary>Endpoints of the process that a watcher looks at.</summary>
    public const int MostEndpoints = 500;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ShortInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan NodeInterval = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private readonly List<ChannelWriter<Full>> _watchers = [];
    private readonly SemaphoreSlim _taking = new(1);
    private Full? _last;
    private long _lastTaken;
    private (NodeInfo Info, IReadOnlyList<ProcessSummary> Processes)[] _nodes = [];
    private long _nodesTaken;
    private Task _asking = Task.CompletedTask;

    /// <summary>Snapshots until the caller goes.</summary>
    /// <param name="process">Identifier of the one to show more of; empty: none.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: too many watch.</exception>
    public async IAsyncEnumerable<Snapshot> WatchAsync(string process, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var channel = Channel.CreateBounded<Full>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
        lock (_lock)
        {
            if (_watchers.Count >= MostWatchers)
                throw new RpcException(new Grpc.Core.Status(StatusCode.ResourceExhausted, $"{MostWatchers} watch this node already. Close some pages."));
            _watchers.Add(channel.Writer);
            if (_watchers.Count == 1)
                _ = Task.Run(FeedAsync, CancellationToken.None);
        }

        try
        {
            yield return Of(await TakeAsync(), process);
            await foreach (var full in channel.Reader.ReadAllAsync(cancellation))
                yield return Of(full, process);
        }
        finally
        {
            lock (_lock)
                _watchers.Remove(channel.Writer);
        }
    }

    /// <summary>What there is to see now, or was at most a second ago. Not to be changed.</summary>
    public async Task<Full> TakeAsync()
    {
        await _taking.WaitAsync();
        try
        {
            if (_last is not null && time.GetElapsedTime(_lastTaken) < Interval / 2)
                return _last;
            return await TakeNowAsync();
        }
        finally
        {
            _taking.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _taking.Dispose();

    private async Task FeedAsync()
    {
        using var changed = new SemaphoreSlim(0, 1);
        void OnChanged()
        {
            try
            {
                changed.Release();
            }
            catch (SemaphoreFullException)
            {
                // It is known already.
            }
        }

        board.Changed += OnChanged;
        try
        {
            while (true)
            {
                if (await changed.WaitAsync(Interval))
                    await Task.Delay(ShortInterval);
                ChannelWriter<Full>[] watchers;
                lock (_lock)
                {
                    watchers = [.. _watchers];
                    if (watchers.Length == 0)
                        return;
                }

                try
                {
                    await _taking.WaitAsync();
                    Full full;
                    try
                    {
                        full = await TakeNowAsync();
                    }
                    finally
                    {
                        _taking.Release();
                    }

                    foreach (var watcher in watchers)
                        watcher.TryWrite(full);
                }
                catch (Exception e) when (e is not OutOfMemoryException)
                {
                    LogNotTaken(e.Message);
                }
            }
        }
        finally
        {
            board.Changed -= OnChanged;
        }
    }

    private async Task<Full> TakeNowAsync()
    {
        AskNodes();
        if (_nodes.Length == 0)
            await _asking;
        var snapshot = new Snapshot { UnixMilliseconds = time.GetUtcNow().ToUnixTimeMilliseconds(), Node = identity.Name };
        var known = new HashSet<string>();
        foreach (var record in registry.List())
        {
            known.Add(record.Id);
            snapshot.Processes.Add(await view.InfoAsync(record, withHistory: true));
        }

        var nodes = _nodes;
        snapshot.Nodes.Add(nodes.Select(n => n.Info));
        // Where it runs is known best by the node that runs it.
        snapshot.Elsewhere.Add(nodes.SelectMany(n => n.Processes.Where(p => p.Node == n.Info.Name || p.Home == n.Info.Name).Select(p => (n.Info.Name, Process: p)))
            .Where(p => !known.Contains(p.Process.ProcessId)).GroupBy(p => p.Process.ProcessId)
            .Select(g => g.OrderByDescending(p => p.Process.Epoch).ThenByDescending(p => p.Process.Node == p.Name).First().Process));
        snapshot.Migrations.Add(board.List());
        (_last, _lastTaken) = (new Full(snapshot), time.GetTimestamp());
        return _last;
    }

    // One that can't be reached takes its time to be so; what is shown of the others doesn't wait for it.
    private void AskNodes()
    {
        if (!_asking.IsCompleted || (_nodes.Length > 0 && time.GetElapsedTime(_nodesTaken) < NodeInterval))
            return;
        _asking = Task.Run(async () =>
        {
            try
            {
                _nodes = await nodeList.ReadAsync(CancellationToken.None);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                LogNotTaken(e.Message);
            }

            _nodesTaken = time.GetTimestamp();
        });
    }

    private static Snapshot Of(Full full, string process)
    {
        var snapshot = full.Shortened.Clone();
        if (process.Length == 0 || full.Snapshot.Processes.FirstOrDefault(p => p.ProcessId == process) is not { } whole)
            return snapshot;
        var index = snapshot.Processes.Select(p => p.ProcessId).ToList().IndexOf(process);
        var shown = whole.Clone();
        Cut(shown, MostEndpoints);
        snapshot.Processes[index] = shown;
        return snapshot;
    }

    private static void Cut(ProcessInfo process, int most)
    {
        while (process.Endpoints.Count > most)
            process.Endpoints.RemoveAt(process.Endpoints.Count - 1);
    }

    [LoggerMessage(1811, LogLevel.Warning, "What the admin page shows couldn't be read: {Cause}")]
    private partial void LogNotTaken(string cause);

    /// <summary>One snapshot with all, and cut to what everybody is shown.</summary>
    internal sealed class Full
    {
        public Full(Snapshot snapshot)
        {
            Snapshot = snapshot;
            Shortened = snapshot.Clone();
            foreach (var process in Shortened.Processes)
            {
                process.History.Clear();
                Cut(process, FirstEndpoints);
            }
        }

        public Snapshot Snapshot { get; }

        public Snapshot Shortened { get; }
    }
}

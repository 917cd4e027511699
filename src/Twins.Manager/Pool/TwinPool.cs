using Twins.Manager.Registry;
using Twins.Manager.Settings;
using Twins.Protocol;

namespace Twins.Manager.Pool;

/// <summary>
/// The node's twins: some ready-made and idle, the others in charge of mobile processes. When the control connection to
/// one ends, it is connected again; if that can't be, a new worker with the same queue takes its place at once, so that
/// the kernel's rules stay as they are, and what it knew is told to it again by whoever listens to <see cref="Replaced"/>.
/// The old worker has ended before: no two ever share a queue. After a restart of twinsd the twins that live on are
/// adopted. Thread safe.
/// </summary>
internal sealed partial class TwinPool(TwinsdOptions options, TwinPaths paths, TwinWorkers workers, ILogger<TwinPool> log) : IHostedService, IDisposable
{
    private readonly List<Twin> _twins = [];
    private readonly SemaphoreSlim _changing = new(1, 1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<(Twin Twin, TwinEvent Event)> _early = [];
    private bool _isHeard;

    /// <summary>A new worker fills the twin's place and knows nothing yet.</summary>
    public event Func<Twin, Task>? Replaced;

    /// <summary>A twin reports something. Raised from <see cref="Hear"/> on.</summary>
    public event Action<Twin, TwinEvent>? EventReceived;

    /// <summary>All twins, in the order of their queues.</summary>
    public IReadOnlyList<Twin> Twins
    {
        get
        {
            lock (_twins)
                return [.. _twins];
        }
    }

    /// <summary>The twin for a process: the one it has, one that has room, or a ready one. The pool is refilled behind it.</summary>
    public async Task<Twin> TakeAsync(string processId, CancellationToken cancellation)
    {
        await _changing.WaitAsync(cancellation);
        try
        {
            var twin = Find(processId)
                ?? Twins.FirstOrDefault(t => t.ProcessCount > 0 && t.ProcessCount < options.ProcessesPerTwin)
                ?? Twins.FirstOrDefault(t => t.ProcessCount == 0)
                ?? await AddAsync(cancellation);
            twin.Add(processId);
            _ = Task.Run(RefillAsync, CancellationToken.None);
            return twin;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>The twin that a process has, or null.</summary>
    public Twin? Find(string processId) => Twins.FirstOrDefault(t => t.Has(processId));

    /// <summary>What a process has left behind stays with the twin that it had.</summary>
    public static void Share(Twin twin, string processId) => twin.Add(processId);

    /// <summary>The process no longer needs the twin, which goes back among the ready ones when it was its last.</summary>
    public static void Return(Twin twin, string processId) => twin.Remove(processId);

    /// <summary>The twin with this queue, adopted or made anew, for a process that had it before a restart; with another where somebody else has its control endpoint by now.</summary>
    public async Task<Twin> ReclaimAsync(int queue, string processId, CancellationToken cancellation)
    {
        await _changing.WaitAsync(cancellation);
        try
        {
            var twin = Twins.FirstOrDefault(t => t.Queue == queue) ?? await AddAsync(cancellation, queue);
            twin.Add(processId);
            return twin;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>After a restart: adopted twins forget the processes that nobody knows any more.</summary>
    public async Task ForgetUnknownAsync(IReadOnlySet<string> known)
    {
        foreach (var twin in Twins)
        {
            var status = (await twin.SendAsync(new TwinRequest { Status = new Status() })).Status;
            foreach (var unknown in status.Processes.Where(p => p.ProcessId.Length > 0 && !known.Contains(p.ProcessId)))
                await twin.SendAsync(new TwinRequest { ProcessId = unknown.ProcessId, Epoch = unknown.Epoch, Forget = new Forget() });
        }
    }

    /// <summary>
    /// Everybody is there who listens to <see cref="EventReceived"/>. What adopted twins have reported until now, such as
    /// connections that wait for a flow, comes first.
    /// </summary>
    public void Hear()
    {
        lock (_early)
        {
            foreach (var (twin, twinEvent) in _early)
                EventReceived?.Invoke(twin, twinEvent);
            _early.Clear();
            _isHeard = true;
        }
    }

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        workers.Prepare();
        foreach (var path in workers.FindControlPaths().Order(StringComparer.Ordinal))
            await AdoptAsync(path, cancellationToken);
        EndOthers();
        await RefillAsync();
    }

    /// <summary>Twins in charge of a process stay and go on redirecting; the idle ones end.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _changing.WaitAsync(cancellationToken);
        try
        {
            foreach (var twin in Twins.Where(t => t.ProcessCount == 0))
                TryEnd(twin);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _changing.Dispose();
        _stopping.Dispose();
    }

    private async Task RefillAsync()
    {
        try
        {
            await _changing.WaitAsync(_stopping.Token);
            try
            {
                while (Twins.Count(t => t.ProcessCount == 0) < options.ReadyTwins)
                    await AddAsync(_stopping.Token);
            }
            finally
            {
                _changing.Release();
            }
        }
        catch (OperationCanceledException)
        {
        }
        catch (Exception e) when (e is TwinException or InvalidOperationException or System.ComponentModel.Win32Exception or IOException)
        {
            LogStartFailed(e.Message);
        }
    }
}

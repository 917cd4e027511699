using Grpc.Core;
using Twins.Protocol;

namespace Twins.Admin.Node;

/// <summary>What one open page shows: the last snapshot, and rates of the last minutes. Raises <see cref="Changed"/> on threads of its own.</summary>
internal sealed class LiveState(NodeSession session) : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _closing = new();
    private readonly Dictionary<string, RateSeries> _series = [];
    private readonly Lock _lock = new();
    private CancellationTokenSource _watching = new();
    private Task _loop = Task.CompletedTask;
    private string _process = "";

    /// <summary>There is something new.</summary>
    public event Action? Changed;

    /// <summary>Null until the first one.</summary>
    public Snapshot? Now { get; private set; }

    /// <summary>Why nothing comes; null: it comes.</summary>
    public string? Problem { get; private set; }

    /// <summary>The login has ended.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Rates of everything together.</summary>
    public RateSeries Total { get; } = new();

    /// <summary>Begins.</summary>
    public async Task BeginAsync()
    {
        await session.BeginAsync();
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Shows more of a process, by its identifier, or of none.</summary>
    public void LookAt(string process)
    {
        lock (_lock)
        {
            if (_process == process)
                return;
            _process = process;
            _watching.Cancel();
        }
    }

    /// <summary>The rates of a process.</summary>
    public RateSeries SeriesOf(string processId)
    {
        lock (_lock)
            return _series.TryGetValue(processId, out var series) ? series : _series[processId] = new RateSeries();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _loop;
        _watching.Dispose();
        _closing.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_closing.IsCancellationRequested && !HasEnded)
        {
            CancellationToken until;
            string process;
            lock (_lock)
            {
                _watching.Dispose();
                _watching = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
                (until, process) = (_watching.Token, _process);
            }

            try
            {
                using var call = session.Page.Watch(new WatchRequest { Process = process }, cancellationToken: until);
                await foreach (var snapshot in call.ResponseStream.ReadAllAsync(until))
                    Show(snapshot);
                Fail("twinsd has ended the connection; trying again.");
            }
            catch (Exception e) when (e is RpcException or OperationCanceledException && until.IsCancellationRequested)
            {
                continue;
            }
            catch (RpcException e)
            {
                HasEnded = e.StatusCode == StatusCode.Unauthenticated;
                Fail(HasEnded || e.StatusCode is StatusCode.ResourceExhausted or StatusCode.PermissionDenied ? e.Status.Detail : "twinsd doesn't answer; trying again.");
            }

            await Task.WhenAny(Task.Delay(Pause, _closing.Token));
        }
    }

    private void Show(Snapshot snapshot)
    {
        lock (_lock)
        {
            foreach (var process in snapshot.Processes)
            {
                if (!_series.TryGetValue(process.ProcessId, out var series))
                    _series[process.ProcessId] = series = new RateSeries();
                series.Add(snapshot.UnixMilliseconds, process.RedirectedPackets, process.RedirectedBytes, process.HeldBytes);
            }

            foreach (var gone in _series.Keys.Except(snapshot.Processes.Select(p => p.ProcessId)).ToList())
                _series.Remove(gone);
            Total.Add(snapshot.UnixMilliseconds, snapshot.Processes.Sum(p => p.RedirectedPackets), snapshot.Processes.Sum(p => p.RedirectedBytes), snapshot.Processes.Sum(p => p.HeldBytes));
        }

        (Now, Problem) = (snapshot, null);
        Changed?.Invoke();
    }

    private void Fail(string problem)
    {
        Problem = problem;
        Changed?.Invoke();
    }
}

file static class Sums
{
    public static ulong Sum(this IEnumerable<ProcessInfo> processes, Func<ProcessInfo, ulong> of) =>
        processes.Aggregate(0UL, (sum, process) => sum + of(process));
}

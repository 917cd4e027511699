using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Twins.Manager.Registry;
using Twins.Manager.Settings;
using Twins.Protocol;

namespace Twins.Manager.Pool;

/// <summary>
/// The node's twins: some ready-made and idle, the others in charge of mobile processes. A twin whose
/// control connection closes is replaced at once by a new worker with the same queue, so that the kernel's
/// rules stay as they are; what it knew is told to it again by whoever listens to <see cref="Replaced"/>.
/// After a restart of twinsd the twins that live on are adopted. Thread safe.
/// </summary>
internal sealed partial class TwinPool(TwinsdOptions options, TwinPaths paths, ILogger<TwinPool> log) : IHostedService, IDisposable
{
    private const int FirstQueue = 7400;
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(10);

    private readonly List<Twin> _twins = [];
    private readonly SemaphoreSlim _changing = new(1, 1);
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>A new worker fills the twin's place and knows nothing yet.</summary>
    public event Func<Twin, Task>? Replaced;

    /// <summary>A twin reports something.</summary>
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

    /// <summary>The twin with this queue, adopted or made anew, for a process that had it before a restart.</summary>
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

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(paths.Twins);
        File.SetUnixFileMode(paths.Twins, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var socket in Directory.GetFiles(paths.Twins, "*.sock").Order(StringComparer.Ordinal))
            await AdoptAsync(socket, cancellationToken);
        await RefillAsync();
    }

    /// <summary>Twins in charge of a process stay and go on redirecting; the idle ones end.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        foreach (var twin in Twins.Where(t => t.ProcessCount == 0))
            End(twin);
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
        catch (Exception e) when (e is SocketException or TwinException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            LogStartFailed(e.Message);
        }
    }

    private async Task<Twin> AddAsync(CancellationToken cancellation, int queue = 0)
    {
        var used = Twins.Select(t => t.Queue).ToHashSet();
        while (queue == 0 || used.Contains(queue))
            queue = queue == 0 ? FirstQueue : queue + 1;
        var twin = new Twin(queue, Path.Combine(paths.Twins, queue.ToString(CultureInfo.InvariantCulture) + ".sock"));
        await FillAsync(twin, cancellation);
        lock (_twins)
        {
            _twins.Add(twin);
            _twins.Sort((a, b) => a.Queue.CompareTo(b.Queue));
        }

        return twin;
    }

    private async Task FillAsync(Twin twin, CancellationToken cancellation)
    {
        File.Delete(twin.ControlPath);
        var start = new ProcessStartInfo(paths.TwinProgram) { UseShellExecute = false, WorkingDirectory = "/" };
        var linger = ((int)options.Linger.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        foreach (var argument in (string[])["--control", twin.ControlPath, "--queue", twin.Queue.ToString(CultureInfo.InvariantCulture), "--linger", linger])
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)
            ?? throw new InvalidOperationException($"The twin program '{paths.TwinProgram}' could not be started.");
        var pid = process.Id;
        var control = await ConnectAsync(twin, cancellation);
        twin.Fill(control, pid);
        LogStarted(pid, twin.Queue);
    }

    private async Task AdoptAsync(string path, CancellationToken cancellation)
    {
        if (!int.TryParse(Path.GetFileNameWithoutExtension(path), CultureInfo.InvariantCulture, out var queue))
            return;
        var twin = new Twin(queue, path);
        try
        {
            var control = await TwinControl.ConnectAsync(path, TimeSpan.Zero, e => EventReceived?.Invoke(twin, e), cancellation);
            var reply = await control.SendAsync(new TwinRequest { Status = new Status() }, cancellation: cancellation);
            Watch(twin, control);
            twin.Fill(control, reply.Status.Pid);
            twin.IsAdopted = true;
            lock (_twins)
                _twins.Add(twin);
            LogAdopted(reply.Status.Pid, queue, reply.Status.Processes.Count);
        }
        catch (Exception e) when (e is SocketException or TwinException)
        {
            // Its worker died while we were away; a process that needs the queue reclaims it.
            File.Delete(path);
        }
    }

    private async Task<TwinControl> ConnectAsync(Twin twin, CancellationToken cancellation)
    {
        var control = await TwinControl.ConnectAsync(twin.ControlPath, StartTime, e => EventReceived?.Invoke(twin, e), cancellation);
        Watch(twin, control);
        return control;
    }

    private void Watch(Twin twin, TwinControl control) => _ = Task.Run(async () =>
    {
        await control.Closed;
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                LogLost(twin.Pid, twin.Queue);
                await FillAsync(twin, _stopping.Token);
                break;
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is SocketException or TwinException or InvalidOperationException or System.ComponentModel.Win32Exception or IOException)
            {
                LogStartFailed(e.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(200));
            }
        }

        // Not awaited on the way out of a shutdown; a failure here is that of the next worker, whose loss is watched too.
        if (_stopping.IsCancellationRequested || Replaced is not { } replaced)
            return;
        foreach (var listener in replaced.GetInvocationList().Cast<Func<Twin, Task>>())
            await listener(twin);
    });

    private void End(Twin twin)
    {
        try
        {
            using var process = Process.GetProcessById(twin.Pid);
            process.Kill();
            File.Delete(twin.ControlPath);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            LogStartFailed(e.Message);
        }
    }

    [LoggerMessage(1001, LogLevel.Information, "Twin {Pid} started on queue {Queue}.")]
    private partial void LogStarted(int pid, int queue);

    [LoggerMessage(1002, LogLevel.Information, "Twin {Pid} on queue {Queue} adopted with {Processes} processes.")]
    private partial void LogAdopted(int pid, int queue, int processes);

    [LoggerMessage(1003, LogLevel.Warning, "Twin {Pid} on queue {Queue} is gone; another takes its place.")]
    private partial void LogLost(int pid, int queue);

    [LoggerMessage(1004, LogLevel.Error, "A twin could not be started: {Cause}")]
    private partial void LogStartFailed(string cause);
}

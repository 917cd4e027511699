using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Twins.Protocol;

namespace Twins.Manager.Pool;

/// <content>
/// How places are filled, and what happens when the connection to a worker ends:
/// <code>
/// 1 connected again, STATUS answered     the worker lived on and knows all that it was told
/// 2 otherwise: it is killed, if it lives; another one is started, and told everything
/// </code>
/// A worker that lives and doesn't answer keeps its packets from everybody. One that is in charge of a process is asked again and again, and
/// is as good as dead when it says nothing.
/// </content>
internal sealed partial class TwinPool
{
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(10);

    // A worker whose connections end as soon as they are made, again and again, is of no use.
    private static readonly TimeSpan ShortConnection = TimeSpan.FromSeconds(1);
    private const int MostShortConnections = 5;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan BetweenQuestions = TimeSpan.FromSeconds(2);

    private async Task<Twin> AddAsync(CancellationToken cancellation, int queue = 0)
    {
        var used = Twins.Select(t => t.Queue).ToHashSet();
        while (queue == 0 || used.Contains(queue) || workers.IsTaken(workers.ControlPathOf(queue)))
            queue = queue == 0 ? TwinWorkers.FirstQueue : queue + 1;
        var twin = new Twin(queue, workers.ControlPathOf(queue));
        await FillAsync(twin, cancellation);
        Keep(twin);
        return twin;
    }

    private void Keep(Twin twin)
    {
        lock (_twins)
        {
            _twins.Add(twin);
            _twins.Sort((a, b) => a.Queue.CompareTo(b.Queue));
        }
    }

    /// <summary>Puts a new worker in the place, after any that is still there has ended.</summary>
    private async Task FillAsync(Twin twin, CancellationToken cancellation)
    {
        workers.End(twin.ControlPath, twin.Pid);
        string[] arguments =
        [
            "--control", twin.ControlPath, .. workers.ArgumentsFor(twin.Queue),
            "--hold-limit", Text(options.HoldLimitBytes), "--linger", Text((long)options.Linger.TotalSeconds),
        ];
        using var process = workers.Start(paths.TwinProgram, arguments);
        var started = Stopwatch.GetTimestamp();
        try
        {
            await ConnectAsync(twin, () => !process.HasExited && Stopwatch.GetElapsedTime(started) < StartTime, cancellation);
        }
        catch (IOException) when (process.HasExited)
        {
            throw new InvalidOperationException($"The twin on queue {twin.Queue} ended at once, with exit code {process.ExitCode}; its own line in the log says why.");
        }
        catch
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
            throw;
        }

        twin.IsAdopted = false;
        LogStarted(twin.Pid, twin.Queue);
    }

    private async Task AdoptAsync(string path, CancellationToken cancellation)
    {
        if (workers.QueueOf(path) is not { } queue)
            return;
        var twin = new Twin(queue, path);
        try
        {
            var status = await ConnectAsync(twin, () => false, cancellation);
            twin.IsAdopted = true;
            Keep(twin);
            LogAdopted(status.Pid, queue, status.Processes.Count);
        }
        catch (Exception e) when (e is IOException or TwinException)
        {
            // Its worker died while we were away, or can't be reached; a process that needs the queue reclaims it.
            if (TryEnd(twin) > 0)
                LogNotAdopted(queue, e.Message);
        }
    }

    /// <summary>Connects and asks for the status: with the first good command the worker takes us for one to report to.</summary>
    private async Task<TwinStatus> ConnectAsync(Twin twin, Func<bool> isComing, CancellationToken cancellation, int shortBefore = 0)
    {
        var control = await TwinControl.ConnectAsync(workers, twin.ControlPath, isComing, e => OnEvent(twin, e), cancellation);
        try
        {
            var status = (await control.SendAsync(new TwinRequest { Status = new Status() }, cancellation: cancellation)).Status;
            twin.Fill(control, status.Pid);
            Watch(twin, control, shortBefore);
            return status;
        }
        catch
        {
            await control.DisposeAsync();
            throw;
        }
    }

    private void OnEvent(Twin twin, TwinEvent twinEvent)
    {
        lock (_early)
        {
            if (!_isHeard)
            {
                _early.Add((twin, twinEvent));
                return;
            }
        }

        EventReceived?.Invoke(twin, twinEvent);
    }

    private void Watch(Twin twin, TwinControl control, int shortBefore)
    {
        var since = Stopwatch.GetTimestamp();
        _ = Task.Run(async () =>
        {
            var isStuck = !await AnswersToTheEndAsync(twin, control);
            await control.DisposeAsync();
            var shortNow = Stopwatch.GetElapsedTime(since) < ShortConnection ? shortBefore + 1 : 0;
            if (!_stopping.IsCancellationRequested && (isStuck || shortNow > MostShortConnections || !await TryConnectAgainAsync(twin, shortNow)))
                await ReplaceAsync(twin);
        });
    }

    /// <summary>Until the connection ends, or its worker has left a question without an answer, which is false.</summary>
    private async Task<bool> AnswersToTheEndAsync(Twin twin, TwinControl control)
    {
        while (await Task.WhenAny(control.Closed, Task.Delay(BetweenQuestions)) != control.Closed)
        {
            if (twin.ProcessCount == 0)
                continue;
            try
            {
                await control.SendAsync(new TwinRequest { Status = new Status() });
            }
            catch (TwinException e) when (!control.Closed.IsCompleted)
            {
                LogStuck(twin.Pid, twin.Queue, e.Message);
                return false;
            }
            catch (TwinException)
            {
                break;
            }
        }

        return true;
    }

    private async Task<bool> TryConnectAgainAsync(Twin twin, int shortBefore)
    {
        try
        {
            await ConnectAsync(twin, () => false, _stopping.Token, shortBefore);
            LogConnectedAgain(twin.Pid, twin.Queue);
            return true;
        }
        catch (Exception e) when (e is IOException or TwinException)
        {
            return false;
        }
        catch (OperationCanceledException)
        {
            // Shutting down: there is nobody to replace it.
            return true;
        }
    }

    private async Task ReplaceAsync(Twin twin)
    {
        LogLost(twin.Pid, twin.Queue);
        var cause = "";
        for (var pause = FirstPause; !_stopping.IsCancellationRequested; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                await FillAsync(twin, _stopping.Token);
                break;
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is TwinException or InvalidOperationException or Win32Exception or IOException)
            {
                if (e.Message != cause)
                    LogStartFailed(cause = e.Message);
                await Task.Delay(pause);
            }
        }

        // Not awaited on the way out of a shutdown; a failure here is that of the next worker, whose loss is watched too.
        if (_stopping.IsCancellationRequested || Replaced is not { } replaced)
            return;
        foreach (var listener in replaced.GetInvocationList().Cast<Func<Twin, Task>>())
        {
            try
            {
                await listener(twin);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // Nobody waits for this, and the other listeners have processes of their own to tell of.
                LogNotTold(twin.Pid, twin.Queue, e);
            }
        }
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private int TryEnd(Twin twin)
    {
        try
        {
            return workers.End(twin.ControlPath, twin.Pid);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or IOException)
        {
            LogNotEnded(twin.ControlPath, e.Message);
            return 0;
        }
    }

    private void EndOthers()
    {
        try
        {
            if (workers.EndOthers(Twins.Select(t => t.Pid).ToHashSet()) is > 0 and var ended)
                LogOthersEnded(ended);
        }
        catch (InvalidOperationException e)
        {
            LogNotEnded(paths.TwinProgram, e.Message);
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

    [LoggerMessage(1005, LogLevel.Warning, "The connection to twin {Pid} on queue {Queue} ended; it lives and is connected again.")]
    private partial void LogConnectedAgain(int pid, int queue);

    [LoggerMessage(1006, LogLevel.Warning, "A twin on queue {Queue} lived on but couldn't be reached, and was ended: {Cause}")]
    private partial void LogNotAdopted(int queue, string cause);

    [LoggerMessage(1009, LogLevel.Warning, "{Count} twins lived on whose control endpoints were gone, and were ended.")]
    private partial void LogOthersEnded(int count);

    [LoggerMessage(1008, LogLevel.Error, "Twin {Pid} on queue {Queue} could not be told everything.")]
    private partial void LogNotTold(int pid, int queue, Exception cause);

    [LoggerMessage(1010, LogLevel.Warning, "Twin {Pid} on queue {Queue} lives and does nothing: {Cause}")]
    private partial void LogStuck(int pid, int queue, string cause);

    [LoggerMessage(1007, LogLevel.Warning, "The twin of {Endpoint} could not be ended: {Cause}")]
    private partial void LogNotEnded(string endpoint, string cause);
}

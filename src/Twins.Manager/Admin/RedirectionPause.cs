using Twins.Manager.Home;
using Twins.Manager.Nodes;
using Twins.Manager.Registry;
using Twins.Manager.Settings;
using Twins.Table;

namespace Twins.Manager.Admin;

/// <summary>
/// Pauses and resumes at once what this node redirects as home. No connection ends by it: peers wait, as long as they do so. A pause ends
/// by itself after <see cref="TwinsdOptions.HandWait"/>; of a process that begins to move it ends then. What is redirected only later is not
/// paused.
/// </summary>
internal sealed partial class RedirectionPause(HomeRole home, ProcessRegistry registry, TwinsdOptions options, TimeProvider time, ILogger<RedirectionPause> log)
{
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(1);

    /// <summary>Pauses all; if it is so already, for longer.</summary>
    /// <returns>Those that are paused now.</returns>
    public async Task<IReadOnlyList<ProcessRecord>> PauseAsync()
    {
        var until = time.GetUtcNow() + options.HandWait;
        var paused = await ForEachAsync(process => home.PauseAsync(process.ProcessId, until));
        if (paused.Count > 0)
            Expect(until);
        return paused;
    }

    /// <summary>Ends the pause of all.</summary>
    /// <returns>Those that were paused.</returns>
    public Task<IReadOnlyList<ProcessRecord>> ResumeAsync() => ForEachAsync(process => home.ResumeAsync(process.ProcessId));

    /// <summary>After a restart: what is paused is so still, until its time is over.</summary>
    public void Recover()
    {
        foreach (var until in home.Processes.Select(p => p.PausedUntil).OfType<DateTimeOffset>().Distinct().ToList())
            Expect(until);
    }

    private void Expect(DateTimeOffset until) => _ = Task.Run(async () =>
    {
        var left = until - time.GetUtcNow();
        if (left > TimeSpan.Zero)
            await Task.Delay(left, time);
        // A twin that can't be told is replaced.
        while (home.Processes.Any(IsOver))
        {
            await ForEachAsync(process => IsOver(process) ? home.ResumeAsync(process.ProcessId) : Task.FromResult(false));
            await Task.Delay(TryAgain, time);
        }
    });

    private bool IsOver(HomeProcess process) => process.PausedUntil <= time.GetUtcNow();

    private async Task<IReadOnlyList<ProcessRecord>> ForEachAsync(Func<HomeProcess, Task<bool>> change)
    {
        var changed = new List<ProcessRecord>();
        NodeException? failure = null;
        foreach (var process in home.Processes.ToList())
        {
            try
            {
                if (await change(process) && registry.FindById(process.ProcessId) is { } record)
                    changed.Add(record);
            }
            catch (NodeException e) when (e.Code is "unknown-process" or "stale-epoch")
            {
                // It has ended, or moved, meanwhile.
            }
            catch (NodeException e)
            {
                LogFailed(process.ProcessId, e.Message);
                failure ??= e;
            }
        }

        return failure is null || changed.Count > 0 ? changed : throw failure;
    }

    [LoggerMessage(1711, LogLevel.Warning, "{Process} can't be paused or resumed: {Cause}")]
    private partial void LogFailed(string process, string cause);
}

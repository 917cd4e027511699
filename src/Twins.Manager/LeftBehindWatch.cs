using Twins.Manager.Home;
using Twins.Manager.Host;

namespace Twins.Manager;

/// <summary>Sees to it that connections which processes closed and left behind are given up when they have ended.</summary>
internal sealed partial class LeftBehindWatch(HomeRole home, HostRole host, ILogger<LeftBehindWatch> log) : BackgroundService
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    // In LookIntervals.
    private const int AskEvery = 5;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(LookInterval);
        for (var look = 1; await timer.WaitForNextTickAsync(stoppingToken); look++)
        {
            try
            {
                await home.EndLingeringAsync();
                await host.EndLeftBehindAsync();
                if (look % AskEvery == 0)
                    await home.AskFormerHostsAsync(stoppingToken);
            }
            catch (Exception e) when (e is not (OperationCanceledException or OutOfMemoryException))
            {
                LogFailed(e);
            }
        }
    }

    [LoggerMessage(1107, LogLevel.Warning, "Looking after connections that were left behind failed; it is tried again.")]
    private partial void LogFailed(Exception cause);
}

using Grpc.Core;
using Twins.Protocol;

namespace Twins.Admin.Node;

/// <summary>Tells <c>twinsd</c> that the page listens, and ends the program with the one that started it: its standard input ends then.</summary>
internal sealed partial class Lifeline(TwinsdConnection twinsd, IHostApplicationLifetime lifetime, ILogger<Lifeline> log) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // A read from a pipe can't be cancelled.
        var input = new Thread(() =>
        {
            using var standardInput = Console.OpenStandardInput();
            var nothing = new byte[16];
            while (standardInput.Read(nothing) > 0)
            {
            }

            lifetime.StopApplication();
        })
        { IsBackground = true, Name = "standard input" };
        input.Start();

        var started = new TaskCompletionSource();
        using var registration = lifetime.ApplicationStarted.Register(() => started.TrySetResult());
        await started.Task.WaitAsync(stoppingToken);
        var told = "";
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await twinsd.Page().PageReadyAsync(new PageReadyRequest(), cancellationToken: stoppingToken);
                return;
            }
            catch (RpcException e) when (!stoppingToken.IsCancellationRequested)
            {
                if (e.Status.Detail != told)
                    LogNotTold(told = e.Status.Detail);
                await Task.Delay(Pause, stoppingToken);
            }
        }
    }

    [LoggerMessage(4002, LogLevel.Warning, "twinsd can't be told that the page listens; trying again: {Cause}")]
    private partial void LogNotTold(string cause);
}

using System.Collections.Concurrent;
using Grpc.Core;
using Twins.Protocol;

namespace Twins.Admin.Node;

/// <summary>Migrations that were begun on the page. They go on when the visitor closes it: <c>twinsd</c> rolls back only what nobody waits for.</summary>
internal sealed partial class Migrations(TwinsdConnection twinsd, ILogger<Migrations> log)
{
    private readonly ConcurrentDictionary<string, bool> _underWay = new();

    /// <summary>Begins one, and returns as soon as <c>twinsd</c> has said something of it.</summary>
    /// <returns>Why it wasn't begun; null: it was, and the feed tells how it goes.</returns>
    public async Task<string?> BeginAsync(string token, string processId, string name, string destination)
    {
        if (!_underWay.TryAdd(processId, true))
            return $"'{name}' is being moved already.";
        var begun = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = Task.Run(async () =>
        {
            try
            {
                using var call = twinsd.Local(token).Migrate(new MigrateRequest { Process = name, Destination = destination });
                await foreach (var told in call.ResponseStream.ReadAllAsync())
                    begun.TrySetResult(null);
            }
            catch (RpcException e)
            {
                if (!begun.TrySetResult(e.StatusCode == StatusCode.Unavailable ? "twinsd doesn't answer." : e.Status.Detail))
                    LogLostSight(name, e.Status.Detail);
            }
            finally
            {
                begun.TrySetResult(null);
                _underWay.TryRemove(processId, out _);
            }
        });
        return await begun.Task;
    }

    [LoggerMessage(4001, LogLevel.Warning, "The outcome of moving '{Name}' isn't known here ({Cause}); twinsd settles it.")]
    private partial void LogLostSight(string name, string cause);
}

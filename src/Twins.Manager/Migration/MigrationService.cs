using Twins.Manager.Cluster;
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Threading.Channels;
using Twins.Manager.Nodes;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Migration;

/// <summary>Migrations of processes that run on this node.</summary>
internal sealed class MigrationService(DepartureParts parts, NodeMap nodes, NodeCluster identity)
{
    private readonly ConcurrentDictionary<string, CancellationTokenSource> _running = new();

    /// <summary>Moves a process that runs here; progress first, exactly one result or failure last.</summary>
    /// <param name="processId">Identifier of the process.</param>
    /// <param name="destination">Name of the node.</param>
    /// <param name="path">Empty or <c>relay</c>.</param>
    /// <param name="cancellation">Cancelled before the commit point: rolls back. Later it has no effect.</param>
    public async IAsyncEnumerable<MigrationEvent> MigrateHereAsync(
        string processId, string destination, string path, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var events = Channel.CreateUnbounded<MigrationEvent>();
        _ = Task.Run(() => RunAsync(processId, destination, path, e => events.Writer.TryWrite(e), cancellation), CancellationToken.None)
            .ContinueWith(_ => events.Writer.TryComplete(), TaskScheduler.Default);

        // Not cancelled with the caller: the outcome must be read to the end.
        await foreach (var step in events.Reader.ReadAllAsync(CancellationToken.None))
        {
            yield return step;
            if (step.Failure is { InDoubt: true })
                yield break;
        }
    }

    /// <summary>Rolls a migration back that hasn't passed the commit point; whoever started it is told.</summary>
    /// <returns>False: none of that process is under way here.</returns>
    public bool Cancel(string processId)
    {
        if (!_running.TryGetValue(processId, out var running))
            return false;
        try
        {
            running.Cancel();
            return true;
        }
        catch (ObjectDisposedException)
        {
            // It has just ended.
            return false;
        }
    }

    private async Task RunAsync(string processId, string destination, string path, Action<MigrationEvent> report, CancellationToken cancellation)
    {
        if (path is not ("" or "relay"))
        {
            report(Failure(MigrationSteps.Preflight, "path-unsupported", $"The path '{path}' isn't available yet; 'relay' is.", rolledBack: true));
            return;
        }

        ProcessRecord record;
        INode target;
        INode home;
        try
        {
            target = nodes.Get(destination);
            if (destination == identity.Name)
                throw new NodeException(identity.Name, "already-there", $"The process runs on node '{destination}' already.");
            record = parts.Registry.BeginMigration(processId);
            home = nodes.Get(record.HomeNode);
        }
        catch (NodeException e)
        {
            var failure = Failure(MigrationSteps.Preflight, e.Code, e.Message, rolledBack: e.Code != "in-doubt");
            failure.Failure.InDoubt = e.Code == "in-doubt";
            report(failure);
            return;
        }

        var migrationId = "m-" + RandomNumberGenerator.GetHexString(12, lowercase: true);
        using var departure = new Departure(record, migrationId, home, target, parts, report);
        parts.Log.Leaving(migrationId, record.Id, identity.Name, destination);
        parts.Record(migrationId, record, destination, MigrationSteps.Preflight, MigrationOutcome.Running);
        using var running = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _running[record.Id] = running;
        try
        {
            var result = await departure.RunAsync(running.Token);
            parts.Record(migrationId, record, destination, MigrationSteps.Release, MigrationOutcome.Committed);
            parts.Log.Left(migrationId, record.Id, destination, result.Epoch);
            report(new MigrationEvent { Result = result });
        }
        catch (StepException e)
        {
            parts.Record(migrationId, record, destination, e.Step, MigrationOutcome.RolledBack, e.Message);
            parts.Registry.TryMark(record, ProcessState.Running);
            report(Failure(e.Step, e.Code, e.Message, rolledBack: true));
        }
        catch (Exception e)
        {
            // After the commit point: the process runs at the destination, something here could not be tidied up.
            parts.Record(migrationId, record, destination, departure.Step, MigrationOutcome.Committed, e.Message);
            report(Failure(departure.Step, "release-failed", $"The process runs on '{destination}', but {e.Message}", rolledBack: false));
        }
        finally
        {
            _running.TryRemove(record.Id, out _);
        }
    }

    private static MigrationEvent Failure(string step, string code, string message, bool rolledBack) => new()
    {
        Failure = new MigrationFailure { Phase = step, Code = code, Message = message, RolledBack = rolledBack },
    };
}

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
internal sealed class MigrationService(DepartureParts parts, NodeMap nodes, NodeCluster identity, MigrationBoard board)
{
    private static readonly TimeSpan TableRetry = TimeSpan.FromMilliseconds(500);

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
        var standing = board.Begin(processId, parts.Registry.FindById(processId)?.Name ?? processId, identity.Name, destination);
        void Tell(MigrationEvent e)
        {
            board.Tell(standing, e);
            events.Writer.TryWrite(e);
        }

        _ = Task.Run(() => RunAsync(processId, destination, path, Tell, cancellation), CancellationToken.None)
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
        if (OperatingSystem.IsWindows())
        {
            var isGuest = parts.Host.Find(processId) is not null;
            report(Failure(
                MigrationSteps.Preflight,
                "no-migrator",
                "Nothing on Windows can take an image of a process, so it can't move. " + (isGuest
                    ? "It is a guest here: when it ends, home's packets go to home again, and can be redirected anew."
                    : "'twins hold' and 'twins redirect' hand its connections over."),
                rolledBack: true));
            return;
        }

        if (path is not ("" or "relay"))
        {
            report(Failure(MigrationSteps.Preflight, "path-unsupported", $"The path '{path}' isn't there yet. Leave --path out, or say --path relay.", rolledBack: true));
            return;
        }

        var migrationId = "m-" + RandomNumberGenerator.GetHexString(12, lowercase: true);
        ProcessRecord? record = null;
        INode target;
        INode home;
        try
        {
            target = nodes.Get(destination);
            if (destination == identity.Name)
                throw new NodeException(identity.Name, "already-there", $"The process runs on node '{destination}' already. Name another node; 'twins nodes' lists them.");
            record = parts.Registry.BeginMigration(processId);
            home = nodes.Get(record.HomeNode);
            parts.Record(migrationId, record, destination, MigrationSteps.Preflight, MigrationOutcome.Running);
        }
        catch (Exception e)
        {
            if (record is not null)
                Settle(() => parts.Registry.TryMark(record, ProcessState.Running));
            var cause = NodeFailure.Explain(e, identity.Name, "failed");
            var failure = Failure(MigrationSteps.Preflight, cause.Code, cause.Message, rolledBack: cause.Code != "in-doubt");
            failure.Failure.InDoubt = cause.Code == "in-doubt";
            report(failure);
            return;
        }

        using var departure = new Departure(record, migrationId, home, target, parts, report);
        parts.Log.Leaving(migrationId, record.Id, identity.Name, destination);
        using var running = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _running[record.Id] = running;
        try
        {
            var result = await departure.RunAsync(running.Token);
            parts.Record(migrationId, record, destination, MigrationSteps.Release, MigrationOutcome.Committed, phases: departure.Phases, result: result);
            parts.Log.Left(migrationId, record.Id, destination, result.Epoch);
            report(new MigrationEvent { Result = result });
        }
        catch (StepException e)
        {
            Settle(() =>
            {
                parts.Record(migrationId, record, destination, e.Step, MigrationOutcome.RolledBack, e.Message, departure.Phases);
                parts.Registry.TryMark(record, ProcessState.Running);
            });
            report(Failure(e.Step, e.Code, e.Message, rolledBack: true));
        }
        catch (Exception e)
        {
            // After the commit point: the process runs at the destination, something here could not be tidied up.
            Settle(() => parts.Record(migrationId, record, destination, departure.Step, MigrationOutcome.Committed, e.Message, departure.Phases));
            report(Failure(
                departure.Step,
                "release-failed",
                $"The process runs on '{destination}', but node '{identity.Name}' couldn't be tidied up after it: {e.Message.TrimEnd('.')}. Run 'twins doctor --remove-leftovers' on '{identity.Name}'.",
                rolledBack: false));
        }
        finally
        {
            _running.TryRemove(record.Id, out _);
        }
    }

    /// <summary>
    /// Writes how the migration ended. A table that can't be written to, such as one on a full disk, may be what it failed by:
    /// then it is written as soon as it can be, and whoever asked needn't wait for that.
    /// </summary>
    private static void Settle(Action write)
    {
        if (TryWrite(write))
            return;
        _ = Task.Run(async () =>
        {
            do
                await Task.Delay(TableRetry);
            while (!TryWrite(write));
        });
    }

    private static bool TryWrite(Action write)
    {
        try
        {
            write();
            return true;
        }
        catch (TableException)
        {
            return false;
        }
    }

    private static MigrationEvent Failure(string step, string code, string message, bool rolledBack) => new()
    {
        Failure = new MigrationFailure { Phase = step, Code = code, Message = message, RolledBack = rolledBack },
    };
}

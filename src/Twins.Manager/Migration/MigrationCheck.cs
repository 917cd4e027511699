using Twins.Manager.Checkpoint;
using Twins.Manager.Nodes;
using Twins.Manager.Registry;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Migration;

/// <summary>What of a migration can be known to fail, without one: the preflight of the source and what the destination would refuse.</summary>
internal sealed class MigrationCheck(DepartureParts parts)
{
    // A name that no migration has.
    private const string Trial = "check";

    /// <summary>Every check with its outcome; changes nothing.</summary>
    public async Task<CheckMigrationReply> RunAsync(ProcessRecord record, string destination, CancellationToken cancellation)
    {
        var reply = new CheckMigrationReply();
        var self = parts.Identity.Name;
        if (record.State != ProcessState.Running && record.CurrentNode == self)
            Add(reply, "process", "failed", $"'{record.Name}' is {ProcessRegistry.StateName(record.State)}, not running. {record.Note}");
        else if (destination == record.CurrentNode)
            Add(reply, "process", "failed", $"'{record.Name}' runs on node '{destination}' already.");
        else if (record.CurrentNode != self)
            await CheckElsewhereAsync(reply, record, destination, cancellation);
        else
            await CheckHereAsync(reply, record, destination, cancellation);
        return reply;
    }

    private async Task CheckElsewhereAsync(CheckMigrationReply reply, ProcessRecord record, string destination, CancellationToken cancellation)
    {
        Add(reply, "process", "warning", $"It runs on node '{record.CurrentNode}', which checks it when the migration begins.");
        await TryAsync(reply, "source", async () =>
        {
            await parts.Nodes.Get(record.CurrentNode).DescribeAsync(cancellation);
            return $"node '{record.CurrentNode}' answers";
        });
        await TryAsync(reply, "destination", async () =>
        {
            await parts.Nodes.Get(destination).DescribeAsync(cancellation);
            return $"node '{destination}' answers";
        });
    }

    private async Task CheckHereAsync(CheckMigrationReply reply, ProcessRecord record, string destination, CancellationToken cancellation)
    {
        PrepareRequest? request = null;
        await TryAsync(reply, "process", () =>
        {
            var tree = parts.Processes.ReadTree(record);
            ProcessInspector.CheckObstacles(tree, record);
            var endpoints = ProcessInspector.ReadEndpoints(tree, record.HomeAddresses);
            request = parts.ToPrepare(record, Trial, tree, endpoints);
            return Task.FromResult($"{Counted(tree.Processes.Count, "process", "processes")}, {Counted(endpoints.Connections.Count, "connection", "connections")}, {Counted(endpoints.Listeners.Count, "listener", "listeners")}, about {request.ImageBytesEstimate >> 20} MiB");
        });
        await TryAsync(reply, "source", async () =>
        {
            await parts.Readiness.CheckAsync(cancellation);
            return "CRIU dumps and restores here";
        });
        if (record.HomeNode != parts.Identity.Name)
        {
            await TryAsync(reply, "home", async () =>
            {
                await parts.Nodes.Get(record.HomeNode).DescribeAsync(cancellation);
                return $"home, node '{record.HomeNode}', answers";
            });
        }

        if (request is not null)
        {
            await TryAsync(reply, "destination", async () =>
            {
                await parts.Nodes.Get(destination).CheckArrivalAsync(request, cancellation);
                return $"node '{destination}' can take it";
            });
        }
    }

    private async Task TryAsync(CheckMigrationReply reply, string check, Func<Task<string>> run)
    {
        try
        {
            Add(reply, check, "ok", await run());
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Add(reply, check, "failed", NodeFailure.Explain(e, parts.Identity.Name, "failed").Message);
        }
    }

    private static string Counted(int count, string one, string more) => $"{count} {(count == 1 ? one : more)}";

    private static void Add(CheckMigrationReply reply, string check, string outcome, string detail) =>
        reply.Checks.Add(new Diagnosis { Check = check, Outcome = outcome, Detail = detail });
}

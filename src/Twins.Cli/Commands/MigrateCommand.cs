using System.CommandLine;
using Grpc.Core;
using Twins.Cli.Output;
using Twins.Protocol;

namespace Twins.Cli.Commands;

/// <summary><c>twins migrate</c>: moves a process to another node.</summary>
internal static class MigrateCommand
{
    public const string Name = "migrate";

    public static Command Create(CliEnvironment environment)
    {
        Argument<string> process = ProcessArgument.Create();
        var to = new Option<string>("--to")
        {
            HelpName = "NODE",
            Required = true,
            Description = "The node to move it to (twins nodes shows them)",
        };
        Option<string> path = new Option<string>("--path")
        {
            DefaultValueFactory = _ => "relay",
            Description = "The way of the packets afterwards: relay goes both ways through the home node and works on any network",
        }.AcceptOnlyFromAmong("relay", "direct-return", "optimized");
        Command command = new Command(Name,
            "Move a process to another node; its peers notice a short pause. Exit code 3: it was rolled back and runs on where it was")
        { process, to, path }.WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            var request = new MigrateRequest
            {
                Process = result.GetRequiredValue(process),
                Destination = result.GetRequiredValue(to),
                Path = result.GetRequiredValue(path),
            };
            MigrationEvent last = await FollowAsync(environment, request, cancellation);
            return last.EventCase == MigrationEvent.EventOneofCase.Result
                ? TellResult(environment, result, last.Result)
                : TellFailure(environment, result, last.Failure);
        });
    }

    private static async Task<MigrationEvent> FollowAsync(
        CliEnvironment environment, MigrateRequest request, CancellationToken cancellation)
    {
        LocalApi.LocalApiClient client = environment.Client();
        using AsyncServerStreamingCall<MigrationEvent> call = client.Migrate(request, cancellationToken: CancellationToken.None);
        using var ended = new CancellationTokenSource();
        await using CancellationTokenRegistration interrupted = cancellation.Register(
            () => _ = CancelAsync(environment, client, request.Process, ended.Token));
        await using var progress = new MigrationProgressView(environment);
        string? phase = null;
        try
        {
            // Read to the end also after Ctrl-C: where the process runs is known only then.
            await foreach (MigrationEvent next in call.ResponseStream.ReadAllAsync(CancellationToken.None))
            {
                if (next.EventCase is not MigrationEvent.EventOneofCase.Progress)
                    return next;
                phase = next.Progress.Phase;
                progress.Show(next.Progress);
            }
        }
        catch (RpcException failure) when (failure.StatusCode == StatusCode.Unavailable && phase is not null)
        {
            throw new CliException(ExitCode.Unreachable, "unreachable",
                $"{phase} failed: twinsd on this node ended. It settles the migration when it runs again, and the process runs on one node only: " +
                $"twins show {request.Process} tells where. Unless something starts twinsd by itself, start it as root: {environment.Installation.DaemonStart}",
                failure)
            { Phase = phase };
        }
        finally
        {
            await ended.CancelAsync();
        }

        throw new CliException(ExitCode.Failed, "no-result",
            $"twinsd ended the migration without a result; see: twins show {request.Process}");
    }

    /// <summary>Asks for the roll-back until the migration is known to <c>twinsd</c>, or has ended.</summary>
    private static async Task CancelAsync(
        CliEnvironment environment, LocalApi.LocalApiClient client, string process, CancellationToken ended)
    {
        environment.Error.WriteLine("twins: interrupted; rolling back, unless the destination has taken over");
        try
        {
            while (!(await client.CancelMigrationAsync(new ProcessRequest { Process = process }, cancellationToken: ended)).UnderWay)
                await Task.Delay(50, ended);
        }
        catch (Exception failure) when (failure is RpcException or OperationCanceledException)
        {
            // The migration has ended, or its call fails as well and says why.
        }
    }

    private static int TellResult(CliEnvironment environment, ParseResult result, MigrationResult done)
    {
        if (result.WantsJson())
            environment.Out.WriteJson(Documents.Of(done), JsonDocuments.Readable.MigrationDocument);
        else
            MigrationView.Write(environment.OutConsole(), done);
        return ExitCode.Done;
    }

    private static int TellFailure(CliEnvironment environment, ParseResult result, MigrationFailure failure)
    {
        environment.Error.WriteLine($"twins: {failure.Phase} failed: {failure.Message}");
        environment.Error.WriteLine(
            failure.Code == "process-ended" ? "There is no process any more."
            : failure.RolledBack ? "Rolled back: the process runs on where it was, with its connections."
            : failure.InDoubt ? "In doubt: it isn't known whether the destination runs it. It resolves itself when the nodes meet again; `twins resolve` lets you decide."
            : "Not rolled back; `twins show` tells where the process stands.");
        if (result.WantsJson())
        {
            environment.Out.WriteJson(new MigrationFailureDocument(
                new ErrorDocument(failure.Phase, failure.Code, failure.Message), failure.RolledBack),
                JsonDocuments.Readable.MigrationFailureDocument);
        }
        return failure.RolledBack ? ExitCode.RolledBack : ExitCode.Failed;
    }
}

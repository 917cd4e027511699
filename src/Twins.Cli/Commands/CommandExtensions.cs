using System.CommandLine;
using System.ComponentModel;
using Grpc.Core;
using Twins.Cli.Client;
using Twins.Cli.Output;

namespace Twins.Cli.Commands;

/// <summary>What every command does alike: --json, and failures as a sentence and an exit code.</summary>
internal static class CommandExtensions
{
    private const string JsonName = "--json";

    /// <summary>Adds --json.</summary>
    public static Command WithJson(this Command command)
    {
        command.Options.Add(new Option<bool>(JsonName) { Description = "Print one JSON document on standard output" });
        return command;
    }

    /// <summary>True if the command has --json and it was given.</summary>
    public static bool WantsJson(this ParseResult result) =>
        result.CommandResult.Command.Options.Any(option => option.Name == JsonName) && result.GetValue<bool>(JsonName);

    /// <summary>Runs <paramref name="action"/> for the command and tells its failures.</summary>
    public static Command Handle(
        this Command command, CliEnvironment environment, Func<ParseResult, CancellationToken, Task<int>> action)
    {
        command.SetAction(async (result, cancellation) =>
        {
            try
            {
                return await action(result, cancellation);
            }
            catch (CliException failure)
            {
                return Tell(environment, result, failure);
            }
            catch (RpcException) when (cancellation.IsCancellationRequested)
            {
                return Interrupted(environment);
            }
            catch (RpcException failure)
            {
                return Tell(environment, result, RpcFailure.Explain(failure, environment));
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return Interrupted(environment);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or Win32Exception)
            {
                // A full disk, a file that isn't there, a program that can't be started.
                return Tell(environment, result, new CliException(ExitCode.Failed, "system-refused", failure.Message, failure));
            }
        });
        return command;
    }

    /// <summary>As <see cref="Handle"/>, for what can be done on Linux only; elsewhere the command says so.</summary>
    public static Command HandleOnLinux(
        this Command command, CliEnvironment environment, Func<ParseResult, CancellationToken, Task<int>> action) =>
        command.Handle(environment, (result, cancellation) => OperatingSystem.IsLinux() ? action(result, cancellation)
            : throw new CliException(ExitCode.Usage, "linux-only",
                "this needs Linux: the lab's machines are network namespaces, and what moves in the demo is moved by CRIU"));

    private static int Interrupted(CliEnvironment environment)
    {
        environment.Error.WriteLine("twins: interrupted");
        return ExitCode.Interrupted;
    }

    private static int Tell(CliEnvironment environment, ParseResult result, CliException failure)
    {
        environment.Error.WriteLine($"twins: {failure.Message}");
        if (!result.WantsJson())
            return failure.ExitCode;
        try
        {
            WriteDocument(environment, result, failure);
        }
        catch (IOException)
        {
            // Standard output takes nothing; standard error has it.
        }
        return failure.ExitCode;
    }

    private static void WriteDocument(CliEnvironment environment, ParseResult result, CliException failure)
    {
        if (result.CommandResult.Command.Name == MigrateCommand.Name)
        {
            var error = new ErrorDocument(failure.Phase, failure.Code, failure.Message);
            environment.Out.WriteJson(new MigrationFailureDocument(error, false),
                JsonDocuments.Readable.MigrationFailureDocument);
        }
        else
        {
            environment.Out.WriteJson(new FailureDocument(new FailureBody(failure.Code, failure.Message)),
                JsonDocuments.Readable.FailureDocument);
        }
    }
}

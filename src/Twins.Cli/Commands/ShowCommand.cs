using System.CommandLine;
using Twins.Cli.Output;
using Twins.Protocol;

namespace Twins.Cli.Commands;

/// <summary><c>twins show</c>: one mobile process in full.</summary>
internal static class ShowCommand
{
    public static Command Create(CliEnvironment environment)
    {
        Argument<string> process = ProcessArgument.Create();
        Command command = new Command("show",
            "Show one mobile process: endpoints, twin, counters, drops by reason, past moves") { process }.WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            ProcessInfo info = await environment.Client().ShowProcessAsync(
                new ShowProcessRequest { Process = result.GetRequiredValue(process) }, cancellationToken: cancellation);
            Print(environment, result, info);
            return ExitCode.Done;
        });
    }

    /// <summary>Prints the process as the user asked for it.</summary>
    public static void Print(CliEnvironment environment, ParseResult result, ProcessInfo process)
    {
        if (result.WantsJson())
            environment.Out.WriteJson(Documents.DetailOf(process), JsonDocuments.Readable.ProcessDetailDocument);
        else
            ProcessView.Write(environment.OutConsole(), process);
    }
}

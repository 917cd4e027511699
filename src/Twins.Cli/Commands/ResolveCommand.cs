using System.CommandLine;
using Twins.Protocol;

namespace Twins.Cli.Commands;

/// <summary><c>twins resolve</c>: a person decides a migration in doubt.</summary>
internal static class ResolveCommand
{
    public static Command Create(CliEnvironment environment)
    {
        Argument<string> process = ProcessArgument.Create();
        var runHere = new Option<bool>("--run-here")
        {
            Description = "The destination doesn't run it: thaw it here. Wrong if it does: it would run twice",
        };
        var gone = new Option<bool>("--gone")
        {
            Description = "The destination runs it: destroy the frozen original here",
        };
        Command command = new Command("resolve",
            "Decide a migration in doubt: the link broke just as the destination was asked to commit, " +
            "and this node can't learn whether it did") { process, runHere, gone }.WithJson();
        command.Validators.Add(result =>
        {
            if (result.GetValue(runHere) == result.GetValue(gone))
                result.AddError("say either --run-here or --gone");
        });
        return command.Handle(environment, async (result, cancellation) =>
        {
            ProcessInfo info = await environment.Client().ResolveAsync(new ResolveRequest
            {
                Process = result.GetRequiredValue(process),
                RunHere = result.GetValue(runHere),
                Gone = result.GetValue(gone),
            }, cancellationToken: cancellation);
            ShowCommand.Print(environment, result, info);
            return ExitCode.Done;
        });
    }
}

using System.CommandLine;
using Twins.Protocol;

namespace Twins.Cli.Commands;

/// <summary><c>twins hold</c>, <c>redirect</c> and <c>release</c>: the parts of a migration, for other people's migrators.</summary>
internal static class HoldCommands
{
    public static Command CreateHold(CliEnvironment environment)
    {
        Argument<string> process = ProcessArgument.Create();
        Command command = new Command("hold",
            "Hold what arrives for a process (for other people's migrators)") { process }.WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            ProcessInfo info = await environment.Client().HoldAsync(
                new ProcessRequest { Process = result.GetRequiredValue(process) }, cancellationToken: cancellation);
            ShowCommand.Print(environment, result, info);
            return ExitCode.Done;
        });
    }

    public static Command CreateRedirect(CliEnvironment environment)
    {
        Argument<string> process = ProcessArgument.Create();
        var to = new Option<string>("--to")
        {
            HelpName = "ADDRESS",
            Required = true,
            Description = "Address of the node that the process runs on now",
        };
        Command command = new Command("redirect",
            "Send what is held, and all that follows, to another node (for other people's migrators)") { process, to }.WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            ProcessInfo info = await environment.Client().RedirectAsync(new RedirectRequest
            {
                Process = result.GetRequiredValue(process),
                Address = result.GetRequiredValue(to),
            }, cancellationToken: cancellation);
            ShowCommand.Print(environment, result, info);
            return ExitCode.Done;
        });
    }

    public static Command CreateRelease(CliEnvironment environment)
    {
        Argument<string> process = ProcessArgument.Create();
        Command command = new Command("release",
            "Give what is held to this node's own stack and end the redirection (for other people's migrators)") { process }.WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            ProcessInfo info = await environment.Client().ReleaseAsync(
                new ProcessRequest { Process = result.GetRequiredValue(process) }, cancellationToken: cancellation);
            ShowCommand.Print(environment, result, info);
            return ExitCode.Done;
        });
    }
}

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
            "Hold what arrives for a process, and silence its sockets (for other people's migrators). "
            + "The process itself runs on: checkpoint it then, and keep the original frozen or end it.") { process }.WithJson();
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
            HelpName = "NODE|ADDRESS",
            Required = true,
            Description = "Name or address of the node that the process is restored on",
        };
        Command command = new Command("redirect",
            "Send what is held, and all that follows, to another node (for other people's migrators). "
            + "Prints the network namespace there in which to restore the process; the path switches by itself when all its sockets "
            + "are in it. On a Windows node another instance of the program takes its place, for new connections only. What isn't there after ten minutes (setting handWait) is given up. The original is yours to end; it stays silenced.") { process, to }.WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            ProcessInfo info = await environment.Client().RedirectAsync(new RedirectRequest
            {
                Process = result.GetRequiredValue(process),
                Address = result.GetRequiredValue(to),
            }, cancellationToken: cancellation);
            ShowCommand.Print(environment, result, info);
            if (!result.WantsJson())
                environment.Out.WriteLine(Next(result.GetRequiredValue(to), info));
            return ExitCode.Done;
        });
    }

    public static Command CreateRelease(CliEnvironment environment)
    {
        Argument<string> process = ProcessArgument.Create();
        Command command = new Command("release",
            "Give what is held to the process on this node, and undo a redirection that isn't complete (for other people's migrators)") { process }.WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            ProcessInfo info = await environment.Client().ReleaseAsync(
                new ProcessRequest { Process = result.GetRequiredValue(process) }, cancellationToken: cancellation);
            ShowCommand.Print(environment, result, info);
            return ExitCode.Done;
        });
    }

    private static string Next(string node, ProcessInfo info) => info.Cabin.Length == 0 ? $"""
        Next: start the program that is to take the place of '{info.Name}' on {node}, on the same ports, of 0.0.0.0 or of
        that node's address. Its peers' new connections go there as soon as it listens; 'twins show {info.Name}' tells,
        'twins release {info.Name}' undoes this. The original (PID {info.Pid}) can be ended.
        """ : $"""
        Next: checkpoint '{info.Name}' (PID {info.Pid}), if that isn't done, and restore it on {node} inside
          {info.Cabin}
        for instance with nsenter --net={info.Cabin} criu restore --tcp-established ...
        (dumped with --network-lock skip). Its packets follow when all its sockets are there; 'twins show {info.Name}'
        tells, 'twins release {info.Name}' undoes this.
        """;
}

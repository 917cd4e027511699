using System.CommandLine;
using Twins.Cli.Processes;

namespace Twins.Cli.Commands;

/// <summary><c>twins run</c>: starts a mobile process.</summary>
internal static class RunCommand
{
    public static Command Create(CliEnvironment environment)
    {
        var name = new Option<string>("--name")
        {
            HelpName = "NAME",
            Description = "Name to call it by; without it, the program's name, with -2, -3, ... when taken",
        };
        name.Validators.Add(result =>
        {
            if (result.Tokens.SingleOrDefault()?.Value is { } value && !MobileProgram.IsName(value))
                result.AddError($"'{value}' is no name: letters, digits, '.', '_' and '-', at most 64, and not digits alone");
        });
        var detach = new Option<bool>("--detach") { Description = "Return at once; the program runs on" };
        var command = new Argument<string[]>("command")
        {
            HelpName = "CMD ARGS...",
            Arity = ArgumentArity.OneOrMore,
            Description = "The program; put -- before it",
        };
        return new Command("run",
            "Start a program that can move. Prints NAME and PID and passes its output through; exits with its exit code, " +
            "or 0 with a line saying where it went if it moved away. Its standard input is empty") { name, detach, command }
            .Handle(environment, async (result, cancellation) =>
            {
                var program = new MobileProgram(environment, result.GetRequiredValue(command));
                return await program.RunAsync(result.GetValue(name), result.GetValue(detach), cancellation);
            });
    }
}

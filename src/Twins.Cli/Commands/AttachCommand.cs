using System.CommandLine;
using Twins.Cli.Output;
using Twins.Protocol;

namespace Twins.Cli.Commands;

/// <summary><c>twins attach</c>: makes a running process a mobile one.</summary>
internal static class AttachCommand
{
    public static Command Create(CliEnvironment environment)
    {
        var pid = new Argument<int>("pid") { HelpName = "PID", Description = "The process; its children come along" };
        pid.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && (!int.TryParse(result.Tokens[0].Value, out int value) || value < 1))
                result.AddError($"'{result.Tokens[0].Value}' is no PID");
        });
        var name = new Option<string>("--name")
        {
            HelpName = "NAME",
            Description = "Name to call it by; without it, the executable's name",
        };
        Command command = new Command("attach", "Take an already running process") { pid, name }.WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            ProcessInfo process = await environment.Client().AttachAsync(new AttachRequest
            {
                Pid = result.GetValue(pid),
                Name = result.GetValue(name) ?? "",
            }, cancellationToken: cancellation);
            if (result.WantsJson())
                environment.Out.WriteJson(Documents.DetailOf(process), JsonDocuments.Readable.ProcessDetailDocument);
            else
                await environment.Out.WriteLineAsync($"{process.Name} {process.Pid}");
            return ExitCode.Done;
        });
    }
}

using System.CommandLine;
using Twins.Cli.Output;
using Twins.Protocol;

namespace Twins.Cli.Commands;

/// <summary><c>twins pause</c> and <c>twins resume</c>: all that this node redirects, at once.</summary>
internal static class PauseCommands
{
    public static Command CreatePause(CliEnvironment environment) => Create(environment, "pause",
        "Hold what peers send to all processes that this node, as their home, redirects. No connection ends, but peers wait, and give up "
        + "when that takes them too long. Ends with 'twins resume', or by itself after ten minutes (setting handWait).",
        "paused", "no process of this home runs on another node, or those that do are about to move",
        async (client, cancellation) => await client.PauseRedirectingAsync(new PauseRedirectingRequest(), cancellationToken: cancellation));

    public static Command CreateResume(CliEnvironment environment) => Create(environment, "resume",
        "Send on what 'twins pause' has held, in order, and all that follows",
        "resumed", "nothing is paused",
        async (client, cancellation) => await client.ResumeRedirectingAsync(new ResumeRedirectingRequest(), cancellationToken: cancellation));

    private static Command Create(
        CliEnvironment environment, string name, string description, string done, string nothing, Func<LocalApi.LocalApiClient, CancellationToken, Task<ListProcessesReply>> call)
    {
        Command command = new Command(name, description).WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            ListProcessesReply reply = await call(environment.Client(), cancellation);
            if (result.WantsJson())
            {
                environment.Out.WriteJson([.. reply.Processes.Select(Documents.Of)], JsonDocuments.Readable.IReadOnlyListProcessDocument);
                return ExitCode.Done;
            }

            foreach (ProcessInfo process in reply.Processes)
                environment.Out.WriteLine($"{process.Name}: {done}; it runs on {process.Node}");
            if (reply.Processes.Count == 0)
                environment.Error.WriteLine($"twins: nothing was {done}: {nothing}");
            return ExitCode.Done;
        });
    }
}

using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Twins.Cli.Output;
using Twins.Protocol;

namespace Twins.Cli.Commands;

/// <summary><c>twins ls</c>: the mobile processes.</summary>
internal static class ListCommand
{
    public static Command Create(CliEnvironment environment)
    {
        Command command = new Command("ls", "List the mobile processes and where they run").WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            ListProcessesReply reply = await environment.Client().ListProcessesAsync(
                new ListProcessesRequest(), cancellationToken: cancellation);
            if (result.WantsJson())
                environment.Out.WriteJson([.. reply.Processes.Select(Documents.Of)], JsonDocuments.Readable.IReadOnlyListProcessDocument);
            else
                Show(environment, reply);
            return ExitCode.Done;
        });
    }

    private static void Show(CliEnvironment environment, ListProcessesReply reply)
    {
        if (reply.Processes.Count == 0)
        {
            environment.Out.WriteLine("No mobile processes. Start one: twins run -- CMD ARGS...");
            return;
        }
        Table table = new Table().Border(TableBorder.Simple)
            .AddColumns("name", "pid", "node", "home", "state", "epoch", "connections", "listeners");
        foreach (ProcessInfo process in reply.Processes)
        {
            int listeners = process.Endpoints.Count(endpoint => endpoint.Role == "listener");
            table.AddRow(
                Markup.Escape(process.Name), Text(process.Pid), Markup.Escape(process.Node), Markup.Escape(process.Home),
                Markup.Escape(process.State), Text(process.Epoch), Text(process.Endpoints.Count - listeners), Text(listeners));
        }
        environment.OutConsole().Write(table);
    }

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}

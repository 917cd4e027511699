using System.CommandLine;
using Spectre.Console;
using Twins.Cli.Output;
using Twins.Protocol;

namespace Twins.Cli.Commands;

/// <summary><c>twins explain</c>: why a process's connections stall, with the cause and the remedy.</summary>
internal static class ExplainCommand
{
    public static Command Create(CliEnvironment environment)
    {
        Argument<string> process = ProcessArgument.Create();
        Command command = new Command("explain",
            "Say why the connections of a mobile process stall: what is wrong on each node involved, and the remedy") { process }.WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            string name = result.GetRequiredValue(process);
            ExplainReply reply = await environment.Client().ExplainProcessAsync(
                new ProcessRequest { Process = name }, cancellationToken: cancellation);
            if (result.WantsJson())
            {
                environment.Out.WriteJson([.. reply.Findings.Select(Of)], JsonDocuments.Readable.IReadOnlyListFindingDocument);
            }
            else
            {
                Show(environment, name, reply);
            }
            return reply.Findings.Any(finding => finding.Outcome == "failed") ? ExitCode.Failed : ExitCode.Done;
        });
    }

    private static FindingDocument Of(Finding finding) => new(finding.Node, finding.Check, finding.Outcome, finding.Detail, finding.Remedy);

    private static void Show(CliEnvironment environment, string name, ExplainReply reply)
    {
        foreach (Finding finding in reply.Findings.Where(finding => finding.Outcome != "ok").OrderBy(finding => finding.Outcome, StringComparer.Ordinal))
        {
            environment.Out.WriteLine($"{(finding.Outcome == "failed" ? "Wrong" : "Note")}, on {finding.Node}: {finding.Detail}");
            environment.Out.WriteLine($"  What to do: {finding.Remedy}");
        }
        if (reply.Findings.All(finding => finding.Outcome != "failed"))
            environment.Out.WriteLine($"Nothing that was looked at keeps the connections of '{name}' from going on:");
        Table table = new Table().Border(TableBorder.Simple).AddColumns("node", "check", "outcome", "detail");
        foreach (Finding finding in reply.Findings.Where(finding => finding.Outcome == "ok"))
            table.AddRow(Markup.Escape(finding.Node), Markup.Escape(finding.Check), finding.Outcome, Markup.Escape(finding.Detail));
        if (table.Rows.Count > 0)
            environment.OutConsole().Write(table);
    }
}

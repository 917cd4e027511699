using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Twins.Cli.Output;
using Twins.Protocol;

namespace Twins.Cli.Commands;

/// <summary><c>twins nodes</c>: the nodes of the cluster.</summary>
internal static class NodesCommand
{
    public static Command Create(CliEnvironment environment)
    {
        Command command = new Command("nodes", "List the nodes that this one knows").WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            ListNodesReply reply = await environment.Client().ListNodesAsync(
                new ListNodesRequest(), cancellationToken: cancellation);
            if (result.WantsJson())
                environment.Out.WriteJson([.. reply.Nodes.Select(Documents.Of)], JsonDocuments.Readable.IReadOnlyListNodeDocument);
            else
                Show(environment, reply);
            return ExitCode.Done;
        });
    }

    private static void Show(CliEnvironment environment, ListNodesReply reply)
    {
        Table table = new Table().Border(TableBorder.Simple)
            .AddColumns("node", "address", "reachable", "round trip", "version", "kernel", "criu", "processes", "problem");
        foreach (NodeInfo node in reply.Nodes)
        {
            table.AddRow(
                Markup.Escape(node.Self ? $"{node.Name} (this one)" : node.Name), Markup.Escape(node.Address),
                node.Reachable ? "yes" : "no",
                node.Self || !node.Reachable ? "" : string.Create(CultureInfo.InvariantCulture, $"{node.RoundTripMilliseconds:0.0} ms"),
                Markup.Escape(node.Version), Markup.Escape(node.Kernel), Markup.Escape(node.Criu),
                node.Processes.ToString(CultureInfo.InvariantCulture), Markup.Escape(node.Problem));
        }
        environment.OutConsole().Write(table);
    }
}

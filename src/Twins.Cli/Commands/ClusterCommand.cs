using System.CommandLine;
using Twins.Cli.Output;
using Twins.Protocol;

namespace Twins.Cli.Commands;

/// <summary><c>twins cluster</c>: nodes that trust each other.</summary>
internal static class ClusterCommand
{
    private const string TokenVariable = "TWINS_JOIN_TOKEN";

    public static Command Create(CliEnvironment environment) => new("cluster", "Make nodes that trust each other")
    {
        CreateInit(environment),
        CreateToken(environment),
        CreateJoin(environment),
    };

    private static Option<string> NodeName() => new("--node")
    {
        HelpName = "NAME",
        Description = "Name of this node; without it, its host name",
    };

    private static Option<string> Address() => new("--address")
    {
        HelpName = "ADDRESS",
        Description = "Address of this node on which the others reach it; without it, its first one",
    };

    private static Command CreateInit(CliEnvironment environment)
    {
        Option<string> node = NodeName(), address = Address();
        Command command = new Command("init", "Make a new cluster, with this node as its first") { node, address }.WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            ClusterInitReply reply = await environment.Client().ClusterInitAsync(new ClusterInitRequest
            {
                Node = result.GetValue(node) ?? "",
                Address = result.GetValue(address) ?? "",
            }, cancellationToken: cancellation);
            if (result.WantsJson())
            {
                environment.Out.WriteJson(new ClusterInitDocument(reply.Node, reply.Address, reply.Fingerprint),
                    JsonDocuments.Readable.ClusterInitDocument);
            }
            else
            {
                await environment.Out.WriteLineAsync(
                    $"New cluster with node {reply.Node} at {reply.Address}\nCA fingerprint (SHA-256): {reply.Fingerprint}");
            }
            return ExitCode.Done;
        });
    }

    private static Command CreateToken(CliEnvironment environment)
    {
        var minutes = new Option<int>("--minutes")
        {
            DefaultValueFactory = _ => 30,
            HelpName = "MINUTES",
            Description = "How long it is good for, 1 to 1440",
        };
        Command command = new Command("token", "Print a token with which one more node may join, once") { minutes }.WithJson();
        minutes.Validators.Add(result =>
        {
            if (int.TryParse(result.Tokens.SingleOrDefault()?.Value ?? "30", out int value) && value is < 1 or > 1440)
                result.AddError("--minutes must lie between 1 and 1440");
        });
        return command.Handle(environment, async (result, cancellation) =>
        {
            ClusterTokenReply reply = await environment.Client().ClusterTokenAsync(
                new ClusterTokenRequest { Minutes = result.GetValue(minutes) }, cancellationToken: cancellation);
            if (result.WantsJson())
            {
                environment.Out.WriteJson(new ClusterTokenDocument(reply.Token, reply.Expires),
                    JsonDocuments.Readable.ClusterTokenDocument);
                return ExitCode.Done;
            }
            // The token alone on standard output: `twins cluster token | ssh NODE twins cluster join -`.
            await environment.Out.WriteLineAsync(reply.Token);
            await environment.Error.WriteLineAsync($"good for one node until {reply.Expires}");
            return ExitCode.Done;
        });
    }

    private static Command CreateJoin(CliEnvironment environment)
    {
        var token = new Argument<string>("token")
        {
            HelpName = "TOKEN|-",
            Arity = ArgumentArity.ZeroOrOne,
            Description = $"The token from `twins cluster token`; - reads it from standard input; without it, " +
                $"the variable {TokenVariable} is read. Prefer those two: other users can see arguments",
        };
        Option<string> node = NodeName(), address = Address();
        Command command = new Command("join", "Join the cluster that the token comes from") { token, node, address }.WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            ClusterJoinReply reply = await environment.Client().ClusterJoinAsync(new ClusterJoinRequest
            {
                Token = await ReadTokenAsync(environment, result.GetValue(token), cancellation),
                Node = result.GetValue(node) ?? "",
                Address = result.GetValue(address) ?? "",
            }, cancellationToken: cancellation);
            if (result.WantsJson())
            {
                environment.Out.WriteJson(new ClusterJoinDocument(reply.Node, reply.Nodes),
                    JsonDocuments.Readable.ClusterJoinDocument);
            }
            else
            {
                await environment.Out.WriteLineAsync($"{reply.Node} joined; nodes: {string.Join(", ", reply.Nodes)}");
            }
            return ExitCode.Done;
        });
    }

    private static async Task<string> ReadTokenAsync(CliEnvironment environment, string? argument, CancellationToken cancellation)
    {
        string? token = argument == "-"
            ? await environment.In.ReadLineAsync(cancellation)
            : argument ?? environment.Variable(TokenVariable);
        return string.IsNullOrWhiteSpace(token)
            ? throw new CliException(ExitCode.Usage, "token-missing",
                $"no token: give it on standard input (-), in the variable {TokenVariable} or as an argument")
            : token.Trim();
    }
}

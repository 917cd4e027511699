using System.CommandLine;
using Twins.Cli.Demo.Load;

namespace Twins.Cli.Commands;

/// <summary><c>twins demo-client</c>: the load of <c>twins demo</c>, run on the lab's outsider. Not for users.</summary>
internal static class DemoClientCommand
{
    public const string Name = "demo-client";

    public static Command Create(CliEnvironment environment)
    {
        Option<string> host = new("--host") { Required = true, Description = "The server" };
        Option<int> port = new("--port") { Required = true, Description = "Its port" };
        Option<string> path = new("--path") { DefaultValueFactory = _ => "/", Description = "What to download" };
        Option<long> bytes = new("--bytes") { Description = "How long it is" };
        Option<long> rate = new("--rate") { DefaultValueFactory = _ => 4 << 20, Description = "Bytes a second" };
        Option<int> patience = new("--patience") { DefaultValueFactory = _ => 30, Description = "Seconds to wait for an answer" };
        Command download = new Command("download", "Download and check a file") { host, port, path, bytes, rate, patience }
            .Handle(environment, (result, _) => Task.FromResult(new DownloadClient(
                result.GetRequiredValue(host), result.GetRequiredValue(port), result.GetRequiredValue(path),
                result.GetRequiredValue(bytes), result.GetRequiredValue(rate), TimeSpan.FromSeconds(result.GetRequiredValue(patience)),
                environment.In, environment.Out, environment.Time).Run()));
        Command redis = new Command("redis", "Pipelined, checked traffic with a redis-server") { host, port, patience }
            .Handle(environment, (result, _) => Task.FromResult(new RedisClient(
                result.GetRequiredValue(host), result.GetRequiredValue(port), TimeSpan.FromSeconds(result.GetRequiredValue(patience)),
                environment.In, environment.Out, environment.Time).Run()));
        return new Command(Name, "Load of the demo") { download, redis }.AsHidden();
    }

    private static Command AsHidden(this Command command)
    {
        command.Hidden = true;
        return command;
    }
}

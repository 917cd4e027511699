using System.CommandLine;
using System.Reflection;
using Twins.Cli.Commands;

namespace Twins.Cli;

/// <summary>All commands of <c>twins</c>.</summary>
internal static class CommandTree
{
    /// <summary>Parses and runs one command line.</summary>
    /// <returns>The exit code (<see cref="ExitCode"/>).</returns>
    public static async Task<int> RunAsync(
        CliEnvironment environment, IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        // '@' begins a peer's path or a program's argument, never a response file.
        ParseResult result = Create(environment).Parse(
            arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (result.Errors.Count > 0)
        {
            foreach (System.CommandLine.Parsing.ParseError error in result.Errors)
                await environment.Error.WriteLineAsync($"twins: {error.Message}");
            await environment.Error.WriteLineAsync($"Help: {Path(result.CommandResult.Command)} --help");
            return ExitCode.Usage;
        }
        return await result.InvokeAsync(new InvocationConfiguration
        {
            Output = environment.Out,
            Error = environment.Error,
            EnableDefaultExceptionHandler = false,
            // Program.cs turns signals into the token; a command that cleans up takes the time it needs.
            ProcessTerminationTimeout = null,
        }, cancellation);
    }

    /// <summary>The root command with everything below it.</summary>
    public static RootCommand Create(CliEnvironment environment)
    {
        var root = new RootCommand(
            "Moves running programs between machines; their TCP connections stay.")
        {
            RunCommand.Create(environment),
            AttachCommand.Create(environment),
            ListCommand.Create(environment),
            ShowCommand.Create(environment),
            NodesCommand.Create(environment),
            MigrateCommand.Create(environment),
            HoldCommands.CreateHold(environment),
            HoldCommands.CreateRedirect(environment),
            HoldCommands.CreateRelease(environment),
            PauseCommands.CreatePause(environment),
            PauseCommands.CreateResume(environment),
            ResolveCommand.Create(environment),
            CaptureCommand.Create(environment),
            ExplainCommand.Create(environment),
            DoctorCommand.Create(environment),
            LogCommand.Create(environment),
            AdminCommand.Create(environment),
            ClusterCommand.Create(environment),
            ServiceCommand.Create(environment),
            LabCommand.Create(environment),
            DemoCommand.Create(environment),
            DemoClientCommand.Create(environment),
        };
        VersionOption version = root.Options.OfType<VersionOption>().Single();
        version.Action = new VersionAction(environment);
        return root;
    }

    /// <summary>The version of this build, without the commit.</summary>
    public static string Version => typeof(CommandTree).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    private static string Path(Command command) =>
        command is RootCommand ? "twins"
        : $"{Path(command.Parents.OfType<Command>().First())} {command.Name}";

    private sealed class VersionAction(CliEnvironment environment) : System.CommandLine.Invocation.SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            environment.Out.WriteLine(Version);
            return ExitCode.Done;
        }
    }
}

using Twins.Cli;

namespace Twins.Access.Windows.Tests.Support;

/// <summary>The CLI in this process.</summary>
internal static class CommandLine
{
    public static CliEnvironment Environment(string pipe) => new()
    {
        Out = TextWriter.Null,
        Error = TextWriter.Null,
        In = TextReader.Null,
        OutBytes = Stream.Null,
        ErrorBytes = Stream.Null,
        Installation = new Installation(AppContext.BaseDirectory, AppContext.BaseDirectory),
        SocketPath = pipe,
        LabDirectory = "",
    };

    public static async Task<(int ExitCode, string Output, string Error)> RunAsync(string pipe, params string[] arguments)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var exitCode = await CommandTree.RunAsync(Environment(pipe) with { Out = output, Error = error }, arguments, CancellationToken.None);
        return (exitCode, output.ToString(), error.ToString());
    }
}

using System.Text;
using Twins.Protocol;

namespace Twins.Cli.Tests;

/// <summary>The CLI in-process, with a directory of its own and, if asked for, a server that answers it.</summary>
internal sealed class CommandLineFixture : IAsyncDisposable
{
    private LocalApiServer? _server;

    public CommandLineFixture() => Directory = System.IO.Directory.CreateTempSubdirectory("twins-cli-").FullName;

    public string Directory { get; }

    public Dictionary<string, string> Variables { get; } = [];

    public string Input { get; set; } = "";

    /// <summary>Opens a browser; null: that isn't done.</summary>
    public Func<string, bool>? OpenBrowser { get; set; }

    /// <summary>True: the programs that this repository built; false: none are there.</summary>
    public bool Built { get; set; }

    public static async Task<CommandLineFixture> WithServerAsync(LocalApi.LocalApiBase answers)
    {
        var fixture = new CommandLineFixture();
        fixture._server = await LocalApiServer.StartAsync(fixture.Directory, answers);
        return fixture;
    }

    /// <summary>An environment that keeps to the fixture's directory and says nothing.</summary>
    public CliEnvironment Environment() => new()
    {
        Out = TextWriter.Null,
        Error = TextWriter.Null,
        In = TextReader.Null,
        OutBytes = Stream.Null,
        ErrorBytes = Stream.Null,
        Installation = new Installation(Built ? null : Directory, Path.GetDirectoryName(BuiltCli.Path)!),
        SocketPath = Path.Combine(Directory, "twinsd.sock"),
        OutputDirectory = Path.Combine(Directory, "output"),
        LabDirectory = Path.Combine(Directory, "lab"),
    };

    /// <summary>Runs one command line to its end.</summary>
    public Task<CommandLineResult> RunAsync(params string[] arguments) => RunAsync(CancellationToken.None, arguments);

    /// <summary>Runs one command line to its end; cancellation is Ctrl-C.</summary>
    public async Task<CommandLineResult> RunAsync(CancellationToken interrupted, params string[] arguments)
    {
        using var output = new MemoryStream();
        using var error = new MemoryStream();
        await using var outputText = new StreamWriter(output, new UTF8Encoding(false)) { AutoFlush = true };
        await using var errorText = new StreamWriter(error, new UTF8Encoding(false)) { AutoFlush = true };
        CliEnvironment environment = Environment() with
        {
            Out = outputText,
            Error = errorText,
            OutBytes = output,
            ErrorBytes = error,
            In = new StringReader(Input),
            Variable = Variables.GetValueOrDefault,
            OpenBrowser = OpenBrowser,
        };
        int exitCode = await CommandTree.RunAsync(environment, arguments, interrupted);
        return new CommandLineResult(exitCode,
            Encoding.UTF8.GetString(output.ToArray()), Encoding.UTF8.GetString(error.ToArray()));
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        System.IO.Directory.Delete(Directory, recursive: true);
    }
}

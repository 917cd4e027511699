using Grpc.Net.Client;
using Spectre.Console;
using Twins.Cli.Client;
using Twins.Cli.Native;
using Twins.Cli.Windows;
using Twins.Protocol;

namespace Twins.Cli;

/// <summary>Everything outside of the CLI that its commands touch, in one value.</summary>
internal sealed record CliEnvironment
{
    /// <summary>Where the commands' results go.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Progress, notes and errors.</summary>
    public required TextWriter Error { get; init; }

    public required TextReader In { get; init; }

    /// <summary>Standard output as bytes: what a program wrote is passed on as it is.</summary>
    public required Stream OutBytes { get; init; }

    /// <summary>Standard error as bytes.</summary>
    public required Stream ErrorBytes { get; init; }

    public bool OutIsTerminal { get; init; }

    public bool ErrorIsTerminal { get; init; }

    /// <summary>Whether nobody reads standard output any more, as after <c>| head</c>: what goes on for a reader's sake ends then.</summary>
    public Func<bool> IsOutClosed { get; init; } = () => false;

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Reads an environment variable.</summary>
    public Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    public required Installation Installation { get; init; }

    /// <summary>The socket of this node's <c>twinsd</c>; on Windows its named pipe.</summary>
    public required string SocketPath { get; init; }

    /// <summary>Directory for the output files of started programs.</summary>
    public string OutputDirectory { get; init; } = OperatingSystem.IsWindows()
        ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.CommonApplicationData), "Twins", "output")
        : "/var/lib/twins/output";

    /// <summary>State of the lab. A lab in another directory is another lab.</summary>
    public required string LabDirectory { get; init; }

    /// <summary>Opens the connection to a <c>twinsd</c>, given its socket.</summary>
    public Func<string, GrpcChannel> OpenChannel { get; init; } = LocalChannel.Open;

    /// <summary>Opens the user's browser with an address, and says whether that could be asked for; null: that isn't done here.</summary>
    public Func<string, bool>? OpenBrowser { get; init; }

    /// <summary>The environment of the running process.</summary>
    public static CliEnvironment OfThisProcess() => new()
    {
        Out = Console.Out,
        Error = Console.Error,
        In = Console.In,
        OutBytes = Console.OpenStandardOutput(),
        ErrorBytes = Console.OpenStandardError(),
        OutIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
        IsOutClosed = OperatingSystem.IsLinux() ? LibC.IsOutputClosed : () => false,
        Installation = new Installation(Environment.GetEnvironmentVariable("TWINS_HOME"), AppContext.BaseDirectory),
        SocketPath = Environment.GetEnvironmentVariable("TWINS_SOCKET") is { Length: > 0 } path
            ? path : OperatingSystem.IsWindows() ? @"\\.\pipe\twins\twinsd" : "/run/twins/twinsd.sock",
        OpenBrowser = OperatingSystem.IsWindows() ? Browser.Open : null,
        LabDirectory = Environment.GetEnvironmentVariable("TWINS_LAB") is { Length: > 0 } lab ? lab : "/run/twins-lab",
    };

    /// <summary>A client of this node's <c>twinsd</c>. The connection is made with the first call.</summary>
    public LocalApi.LocalApiClient Client() => new(OpenChannel(SocketPath));

    /// <summary>Tables and other formatted text for standard output.</summary>
    public IAnsiConsole OutConsole() => Formatted(Out, OutIsTerminal);

    /// <summary>Progress displays and tables for standard error.</summary>
    public IAnsiConsole ErrorConsole() => Formatted(Error, ErrorIsTerminal);

    private static IAnsiConsole Formatted(TextWriter writer, bool terminal)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = terminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = terminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = terminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
        // Into a file or a pipe a row is one line, however long.
        if (!terminal)
            console.Profile.Width = 1000;
        return console;
    }
}

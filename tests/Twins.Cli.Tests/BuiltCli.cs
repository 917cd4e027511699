using System.Diagnostics;

namespace Twins.Cli.Tests;

/// <summary>The CLI as a program of its own, from its project's output directory.</summary>
internal static class BuiltCli
{
    public static string Path { get; } = System.IO.Path.Combine(
        AppContext.BaseDirectory.Replace("/tests/Twins.Cli.Tests/", "/src/Twins.Cli/", StringComparison.Ordinal), "twins");

    public static ProcessStartInfo Start(params string[] arguments) => new(Path, arguments)
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    };
}

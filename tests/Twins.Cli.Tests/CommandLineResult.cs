namespace Twins.Cli.Tests;

/// <summary>What a command line left behind.</summary>
internal sealed record CommandLineResult(int ExitCode, string Output, string Error);

namespace Twins.Cli;

/// <summary>A failure that the user can read: what happened and what to do about it.</summary>
internal sealed class CliException : Exception
{
    public CliException(int exitCode, string code, string message, Exception? inner = null)
        : base(message, inner)
    {
        ExitCode = exitCode;
        Code = code;
    }

    /// <summary>One of <see cref="Cli.ExitCode"/>.</summary>
    public int ExitCode { get; }

    /// <summary>Stable, kebab-case; goes into the JSON error document.</summary>
    public string Code { get; }

    /// <summary>The step of a migration that it happened in; <c>request</c> if none had begun.</summary>
    public string Phase { get; init; } = "request";
}

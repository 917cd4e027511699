namespace Twins.Cli;

/// <summary>Exit codes of <c>twins</c>; scripts rely on them.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 2;

    /// <summary>The migration was rolled back and the process runs where it ran.</summary>
    public const int RolledBack = 3;
    public const int NotPermitted = 4;

    /// <summary><c>twinsd</c> can't be reached.</summary>
    public const int Unreachable = 5;

    /// <summary>No such process or node.</summary>
    public const int NotFound = 6;

    /// <summary>Ended by Ctrl-C, as a shell counts it: 128 + SIGINT.</summary>
    public const int Interrupted = 130;
}

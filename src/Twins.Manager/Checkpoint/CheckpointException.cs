namespace Twins.Manager.Checkpoint;

/// <summary>A dump or a restore could not be done. The message names the cause and what to do about it.</summary>
public sealed class CheckpointException : Exception
{
    /// <summary>Makes the exception.</summary>
    public CheckpointException(string phase, string code, string message, string? logPath = null, Exception? inner = null)
        : base(message, inner)
    {
        Phase = phase;
        Code = code;
        LogPath = logPath;
    }

    /// <summary>Where it happened: <c>checkpoint</c>, <c>restore</c> or <c>release</c>.</summary>
    public string Phase { get; }

    /// <summary>Stable, kebab-case, one of <see cref="CheckpointCode"/>.</summary>
    public string Code { get; }

    /// <summary>The migrator's log, if it wrote one.</summary>
    public string? LogPath { get; }
}

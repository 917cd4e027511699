namespace Twins.Manager.Checkpoint;

/// <summary>The stable codes of <see cref="CheckpointException.Code"/>: programs compare them, so they never change.</summary>
public static class CheckpointCode
{
    /// <summary>A listening socket has connections that the process did not accept yet.</summary>
    public const string InFlightConnections = "in-flight-connections";

    /// <summary>An open file or socket of a kind that can't be carried.</summary>
    public const string UnsupportedFile = "unsupported-file";

    /// <summary>A process number of the image is in use on this machine.</summary>
    public const string PidTaken = "pid-taken";

    /// <summary>A file that the process has open or mapped is not on this machine.</summary>
    public const string FileMissing = "file-missing";

    /// <summary>A file is there but differs in size or mode.</summary>
    public const string FileDiffers = "file-differs";

    /// <summary>The images don't fit.</summary>
    public const string DiskFull = "disk-full";

    /// <summary>An address of the image is not on this machine, or its port is taken.</summary>
    public const string AddressUnavailable = "address-unavailable";

    /// <summary>The process to dump doesn't exist.</summary>
    public const string ProcessMissing = "process-missing";

    /// <summary>The process belongs to a session or terminal outside of what is dumped.</summary>
    public const string TerminalAttached = "terminal-attached";

    /// <summary>Another program traces the process.</summary>
    public const string Traced = "process-traced";

    /// <summary>A right is missing.</summary>
    public const string NotPermitted = "not-permitted";

    /// <summary>A connection has urgent data that wasn't read; nothing can carry it.</summary>
    public const string UrgentData = "urgent-data";

    /// <summary>A socket option of the process can't be set on this machine.</summary>
    public const string SocketOptionRefused = "socket-option-refused";

    /// <summary>A file of ours among the images is missing or says what it mustn't.</summary>
    public const string ImageRefused = "image-refused";

    /// <summary>There is no criu to start.</summary>
    public const string CriuMissing = "criu-missing";

    /// <summary>criu ended in the middle.</summary>
    public const string CriuDied = "criu-died";

    /// <summary>criu failed for a reason that has no code of its own.</summary>
    public const string CriuFailed = "criu-failed";
}

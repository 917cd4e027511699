namespace Twins.Manager.Processes;

/// <summary>What processes use a file for.</summary>
[Flags]
public enum FileUse
{
    /// <summary>For nothing.</summary>
    None = 0,

    /// <summary>Mapped and executed: the program, its libraries.</summary>
    Executed = 1,

    /// <summary>Mapped in another way.</summary>
    Mapped = 2,

    /// <summary>An open regular file.</summary>
    Open = 4,

    /// <summary>The working directory.</summary>
    WorkingDirectory = 8,
}

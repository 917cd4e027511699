namespace Twins.Manager;

/// <summary>Why a start failed: the exit code of <c>twinsd</c>. Never reused.</summary>
internal enum StartFailure
{
    /// <summary>A setting is wrong.</summary>
    Settings = 10,

    /// <summary>The Table of Twins can't be opened.</summary>
    Table = 11,

    /// <summary>The cluster's files are damaged.</summary>
    Cluster = 12,

    /// <summary>A socket can't be opened: another twinsd runs, or rights are missing.</summary>
    Socket = 13,

    /// <summary>Packets can't be diverted.</summary>
    Diversion = 14,

    /// <summary>Windows: a directory of ours can't be made or closed to others, or somebody else has made it.</summary>
    Directory = 15,
}

namespace Twins.Diversion.Windows;

/// <summary>What of a handle can be set or read (WINDIVERT_PARAM).</summary>
internal enum WinDivertParameter : uint
{
    /// <summary>Packets that wait at most, 32 to 16,384; 4,096 by default. The oldest are dropped.</summary>
    QueueLength = 0,

    /// <summary>Milliseconds that a packet waits at most, 100 to 16,000; 2,000 by default.</summary>
    QueueTime = 1,

    /// <summary>Octets that wait at most, 65,535 to 33,554,432; 4,194,304 by default.</summary>
    QueueSize = 2,

    /// <summary>The driver's major version. Read-only.</summary>
    VersionMajor = 3,

    /// <summary>The driver's minor version. Read-only.</summary>
    VersionMinor = 4,
}

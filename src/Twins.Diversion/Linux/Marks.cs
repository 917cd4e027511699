namespace Twins.Diversion.Linux;

/// <summary>The packet marks of Twins. The upper half says whose mark it is.</summary>
public static class Marks
{
    /// <summary>The half that tells our marks from others'.</summary>
    public const uint Mask = 0xFFFF0000;

    /// <summary>To be diverted; the lower half is the queue.</summary>
    public const uint Divert = 0x74570000;

    /// <summary>Sent by a twin: our rules leave it alone.</summary>
    public const uint Sent = 0x74580000;

    /// <summary>
    /// On segments that CRIU sends itself over the loopback interface while it restores a half-closed connection (SOCCR_MARK in
    /// its soccr/soccr.h). Only a process with CAP_NET_ADMIN can set it.
    /// </summary>
    public const uint Restoring = 0xC114;

    /// <summary>The mark of what goes to a queue.</summary>
    public static uint ForQueue(ushort queue) => Divert | queue;
}

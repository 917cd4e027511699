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

    /// <summary>The mark of what goes to a queue.</summary>
    public static uint ForQueue(ushort queue) => Divert | queue;
}

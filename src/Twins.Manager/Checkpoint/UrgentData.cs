using Microsoft.Win32.SafeHandles;

namespace Twins.Manager.Checkpoint;

/// <summary>
/// Finds connections with an urgent octet (RFC 9293, 3.8.5) in their receive queue. CRIU asks how much is readable, which
/// stops at that octet, and would lose it with all that follows, without a word.
/// </summary>
internal static class UrgentData
{
    private const int UrgentInline = 10;

    /// <summary>Returns if no connection of the processes has any.</summary>
    /// <param name="pids">The processes.</param>
    /// <param name="areFrozen">Only then can an octet be found that was read ahead of the rest (MSG_OOB) and whose mark is still to come.</param>
    /// <exception cref="CheckpointException">One has.</exception>
    public static void ThrowIfAny(IEnumerable<int> pids, bool areFrozen) => ForeignSockets.ForEach(pids, descriptor =>
    {
        if (descriptor.IsConnected && (ForeignSockets.HasPriorityData(descriptor.Socket) || (areFrozen && HasMark(descriptor.Socket))))
        {
            throw new CheckpointException("checkpoint", CheckpointCode.UrgentData,
                $"Descriptor {descriptor.Number} of process {descriptor.Pid} is a connection with urgent data (TCP URG) that waits to be read, which can't be carried. Let the program read it, then try again.");
        }
    });

    /// <summary>Whether more is readable with the urgent octet in the stream than without. Nobody reads meanwhile, and the option is put back.</summary>
    private static bool HasMark(SafeFileHandle socket)
    {
        if (ForeignSockets.GetInt(socket, ForeignSockets.SocketLevel, UrgentInline) != 0)
            return false;
        var readable = ForeignSockets.Readable(socket);
        ForeignSockets.TrySetInt(socket, ForeignSockets.SocketLevel, UrgentInline, 1);
        var queued = ForeignSockets.Readable(socket);
        ForeignSockets.TrySetInt(socket, ForeignSockets.SocketLevel, UrgentInline, 0);
        return queued != readable;
    }
}

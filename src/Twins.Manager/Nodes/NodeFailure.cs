using Twins.Manager.Checkpoint;
using Twins.Manager.Images;
using Twins.Manager.Pool;
using Twins.Table;

namespace Twins.Manager.Nodes;

/// <summary>A failure on a node in the words of whoever asked for the work: on which node, what, and what to do about it.</summary>
internal static class NodeFailure
{
    private const int TableIsFull = 13;

    /// <summary>The failure as the node tells it.</summary>
    /// <param name="failure">What was thrown.</param>
    /// <param name="node">The node that it happened on.</param>
    /// <param name="code">For what has no code of its own.</param>
    public static NodeException Explain(Exception failure, string node, string code)
    {
        var here = $"On node '{node}': {failure.Message}";
        return failure switch
        {
            NodeException known => known,

            // These name the remedy themselves.
            CheckpointException checkpoint => Of(checkpoint.Code, here),
            ImageTransferException transfer => Of(transfer.Code, here),
            TableException table => Of((table.NativeCode & 0xff) == TableIsFull ? "disk-full" : "table-failed", here),
            TwinException => Of("twin-failed", $"{here} twinsd starts another twin by itself: try again. If it stays, the log of twinsd there says why."),
            _ when DiskSpace.IsUsedUp(failure) => Of("disk-full", $"{here}. Free space there, then try again."),
            _ => Of(code, $"{here.TrimEnd('.')}. Try again; if it stays, run 'twins doctor' there and look into the log of twinsd."),
        };

        NodeException Of(string known, string message) => new(node, known, message, inner: failure);
    }
}

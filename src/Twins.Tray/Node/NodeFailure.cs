using Grpc.Core;
using Twins.Cli.Windows;

namespace Twins.Tray.Node;

/// <summary>Failed calls in the user's words.</summary>
internal static class NodeFailure
{
    /// <summary>Why nothing is known of the node.</summary>
    public static NodeView Explain(RpcException failure)
    {
        for (Exception? cause = failure.Status.DebugException; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case UnauthorizedAccessException:
                    return new NodeView(NodeLink.Refused, "You may not talk to twinsd: become a member of the group 'Twins Operators', and log on again.", null);
                case ForeignPipeException:
                    return new NodeView(NodeLink.Refused, cause.Message, null);
            }
        }

        return failure.StatusCode switch
        {
            StatusCode.PermissionDenied or StatusCode.ResourceExhausted => new NodeView(NodeLink.Refused, failure.Status.Detail, null),
            StatusCode.Unimplemented => new NodeView(NodeLink.Refused, "twinsd is of another version than this program: install both from one release.", null),
            _ => new NodeView(NodeLink.Down, "twinsd doesn't answer: it isn't running, or is being started. As an administrator: twins service start", null),
        };
    }
}

using Twins.Manager.Access;

namespace Twins.Manager.Nodes;

/// <summary>Tells of members of the cluster that ask for what they may not, once for each and each kind.</summary>
internal sealed class NodeRefusals(RefusalLog refusals)
{
    // The other codes are answers that a migration may get.
    private static readonly HashSet<string> Told = ["stale-epoch", "foreign-process", "foreign-path", "foreign-migration"];

    public void Tell(string caller, string method, NodeException refusal)
    {
        if (Told.Contains(refusal.Code))
            refusals.Tell(RefusalKind.NodeCall, $"Node {caller}", $"{method} ({refusal.Code}): {refusal.Message}", refusal.Code);
    }

    /// <summary>Something failed here that no code was made for.</summary>
    public void TellFailed(string caller, string method, Exception failure) => refusals.TellFailure($"Node {caller}", method, failure);
}

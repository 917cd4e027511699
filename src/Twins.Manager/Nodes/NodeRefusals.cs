using Twins.Manager.Access;

namespace Twins.Manager.Nodes;

/// <summary>Tells of members of the cluster that ask for what they may not, once for each and each kind.</summary>
internal sealed partial class NodeRefusals(ILogger<NodeRefusals> logger)
{
    // The other codes are answers that a migration may get.
    private static readonly HashSet<string> Told = ["stale-epoch", "foreign-process", "foreign-path", "foreign-migration"];

    private readonly OncePerKey _refused = new();

    public void Tell(string caller, string method, NodeException refusal)
    {
        if (Told.Contains(refusal.Code) && _refused.IsFirst($"{caller} {refusal.Code}"))
            LogRefused(caller, method, refusal.Message, refusal.Code);
    }

    /// <summary>Something failed here that no code was made for.</summary>
    public void TellFailed(string caller, string method, Exception failure) => LogFailed(failure, caller, method);

    [LoggerMessage(3103, LogLevel.Error, "{Method} for node {Caller} failed")]
    private partial void LogFailed(Exception failure, string caller, string method);

    [LoggerMessage(3102, LogLevel.Warning, "Node {Caller} was refused {Method}: {Cause} Further refusals of this node for {Code} are not logged")]
    private partial void LogRefused(string caller, string method, string cause, string code);
}

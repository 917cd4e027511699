using Grpc.Core;
using Twins.Manager.Access;
using Twins.Manager.Cluster;
using Twins.Protocol;

namespace Twins.Manager.Audit;

/// <summary>One call that changes something, from its begin to its outcome.</summary>
internal sealed class CallAudit(AuditLog log, LocalCaller caller, string method, object request)
{
    private readonly string _subject = SubjectOf(request);
    private MigrationEvent? _last;

    /// <summary>It takes its time: that it has begun is worth a line.</summary>
    public void Begin() => log.Add(caller, method, _subject, "begun", "");

    /// <summary>Looks at what the caller is told: a migration's last message says how it ended.</summary>
    public void Hear(object message) => _last = message as MigrationEvent ?? _last;

    /// <summary>It has ended, without an exception or with one.</summary>
    public void End(Exception? failure)
    {
        var (outcome, detail) = (_last, failure) switch
        {
            (_, RpcException e) => ("failed", e.Status.Detail),
            (_, { } e) => ("failed", e.Message),
            ({ Failure: { } f }, _) => (f.RolledBack ? "rolled-back" : f.InDoubt ? "in-doubt" : "failed", $"{f.Phase}: {f.Message}"),
            _ => ("done", ""),
        };
        log.Add(caller, method, _subject, outcome, detail);
    }

    // No secrets: a join token is one.
    private static string SubjectOf(object request) => request switch
    {
        AttachRequest r => $"PID {r.Pid} {r.Name}".TrimEnd(),
        MigrateRequest r => $"{r.Process} to {r.Destination}",
        RedirectRequest r => $"{r.Process} to {r.Address}",
        PauseRedirectingRequest or ResumeRedirectingRequest => "all that is redirected",
        ResolveRequest r => $"{r.Process} {(r.RunHere ? "runs here" : "is gone")}",
        ProcessRequest r => r.Process,
        DiagnoseRequest r => r.RemoveLeftovers ? "leftovers removed" : "",
        ClusterInitRequest r => $"node {r.Node} {r.Address}".TrimEnd(),
        ClusterJoinRequest r => $"node {r.Node} {r.Address}".TrimEnd(),
        ClusterTokenRequest r => $"{(r.Minutes == 0 ? NodeCluster.DefaultTokenLifetime.TotalMinutes : r.Minutes)} min",
        _ => "",
    };
}

using Twins.Manager.Cluster;
using Twins.Manager.Nodes;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Explaining;

/// <summary>
/// Why the connections of a process stall: what each node involved sees at itself, and what doesn't fit between them. It changes nothing.
/// </summary>
internal sealed class Explainer(NodeMap nodes, NodeCluster identity, NodeChecks checks)
{
    // What doesn't fit is asked again: it may just be changing.
    private static readonly TimeSpan TimeToSettle = TimeSpan.FromSeconds(1);

    /// <summary>All nodes involved.</summary>
    public async Task<ExplainReply> ExplainAsync(ProcessRecord record, CancellationToken cancellation)
    {
        var reply = new ExplainReply();
        var answers = await AskAsync(record, reply, cancellation);
        var misfits = Compare(record, answers);
        if (misfits.Count > 0)
        {
            await Task.Delay(TimeToSettle, cancellation);
            reply.Findings.Clear();
            answers = await AskAsync(record, reply, cancellation);
            misfits = Compare(record, answers);
        }

        reply.Findings.Add(misfits);
        return reply;
    }

    /// <summary>This node alone.</summary>
    public Task<ExplainReply> ExplainHereAsync(string processId, CancellationToken cancellation) => checks.RunAsync(processId, cancellation);

    private async Task<Dictionary<string, ExplainReply>> AskAsync(ProcessRecord record, ExplainReply reply, CancellationToken cancellation)
    {
        var involved = new[] { identity.Name, record.HomeNode, record.CurrentNode }.Distinct().ToArray();
        var asked = await Task.WhenAll(involved.Select(node => AskAsync(node, record.Id, cancellation)));
        var answers = new Dictionary<string, ExplainReply>();
        foreach (var (node, answer, problem) in asked)
        {
            if (answer is not null)
            {
                answers[node] = answer;
                reply.Findings.Add(answer.Findings);
                continue;
            }

            reply.Findings.Add(new Finding
            {
                Node = node,
                Check = "node-reachable",
                Outcome = "failed",
                Detail = problem,
                Remedy = node == record.HomeNode && node != record.CurrentNode
                    ? "Bring it back: both directions of a redirected connection go through home."
                    : "Bring it, or the network to it, back.",
            });
        }

        return answers;
    }

    private async Task<(string Node, ExplainReply? Answer, string Problem)> AskAsync(string node, string processId, CancellationToken cancellation)
    {
        try
        {
            return (node, node == identity.Name ? await checks.RunAsync(processId, cancellation)
                : await nodes.Get(node).ExplainAsync(new ExplainRequest { ProcessId = processId }, cancellation), "");
        }
        catch (NodeException e)
        {
            return (node, null, e.Message);
        }
    }

    private static List<Finding> Compare(ProcessRecord record, Dictionary<string, ExplainReply> answers)
    {
        var findings = new List<Finding>();
        if (!answers.TryGetValue(record.HomeNode, out var home) || !answers.TryGetValue(record.CurrentNode, out var host) || home == host)
            return findings;
        if (home.Epoch != host.Epoch || home.RunsOn != host.RunsOn)
        {
            findings.Add(new Finding
            {
                Node = record.HomeNode,
                Check = "same-epoch",
                Outcome = "failed",
                Detail = $"'{record.HomeNode}' knows epoch {home.Epoch} with the process on '{home.RunsOn}', '{record.CurrentNode}' epoch {host.Epoch} with it on '{host.RunsOn}': home has not heard of the last move, and holds or sends what arrives to the wrong place",
                Remedy = $"It is told again until it has heard. See that the two nodes reach each other (twins nodes), and what the log of twinsd on '{record.CurrentNode}' says.",
            });
        }

        if (home.Flows.Count == 0 && host.Flows.Count == 0)
            return findings;
        var (only, others) = (home.Flows.Except(host.Flows).Count(), host.Flows.Except(home.Flows).Count());
        findings.Add(only + others == 0
            ? new Finding { Node = record.HomeNode, Check = "same-flows", Outcome = "ok", Detail = $"home and host redirect the same {home.Flows.Count} connections" }
            : new Finding
            {
                Node = record.HomeNode,
                Check = "same-flows",
                Outcome = "warning",
                Detail = $"of the redirected connections, '{record.HomeNode}' has {only} that '{record.CurrentNode}' hasn't, and that one {others} that home hasn't: what ended is forgotten at different times; one that still carries data and is missing on one side stalls",
                Remedy = $"twins capture {record.Name}, on both nodes: what is dropped there as UnknownFlow or UnknownLeg belongs to such a connection. Its peer has to open it anew.",
            });
        return findings;
    }
}

using Twins.Protocol;

namespace Twins.Manager.Explaining;

/// <summary>The findings of one node.</summary>
internal sealed class FindingList(string node, ExplainReply reply)
{
    public void Ok(string check, string detail) => Add(check, "ok", detail, "");

    /// <summary>It may be the cause.</summary>
    public void Warn(string check, string detail, string remedy) => Add(check, "warning", detail, remedy);

    /// <summary>It is a cause.</summary>
    public void Fail(string check, string detail, string remedy) => Add(check, "failed", detail, remedy);

    private void Add(string check, string outcome, string detail, string remedy) =>
        reply.Findings.Add(new Finding { Node = node, Check = check, Outcome = outcome, Detail = detail, Remedy = remedy });
}

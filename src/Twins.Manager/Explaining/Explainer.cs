using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Explaining;

internal sealed class Explainer
{
    public Task<ExplainReply> ExplainAsync(ProcessRecord record, CancellationToken cancellation) => Task.FromResult(new ExplainReply());
    public Task<ExplainReply> ExplainHereAsync(string processId, CancellationToken cancellation) => Task.FromResult(new ExplainReply());
}

using Google.Protobuf;
using Twins.Manager.Cluster;
using Twins.Manager.Explaining;
using Twins.Manager.Home;
using Twins.Manager.Host;
using Twins.Manager.Migration;
using Twins.Manager.Registry;
using Twins.Manager.Settings;
using Twins.Manager.Watching;
using Twins.Protocol;

namespace Twins.Manager.Nodes;

/// <summary>This node, in the roles that the node API has.</summary>
internal sealed class LocalNode(TwinsdOptions options, NodeCluster identity, HomeRole home, HostRole host, Arrivals arrivals, ProcessRegistry registry, NodeFacts facts, PacketWatcher packets, Explainer explainer) : INode
{
    /// <inheritdoc/>
    public string Name => identity.Name;

    public async Task<NodeDescription> DescribeAsync(CancellationToken cancellation)
    {
        var description = new NodeDescription
        {
            Name = identity.Name,
            Version = NodeFacts.Version,
            Kernel = NodeFacts.Kernel,
            Criu = await facts.CriuVersionAsync(cancellation),
            Address = identity.Address,
            RedirectPorts = $"{options.FirstRedirectPort}-{options.LastRedirectPort}",
        };
        description.Addresses.AddRange(NodeFacts.Addresses().Select(a => ByteString.CopyFrom(a.ToBytes())));
        description.Processes.AddRange(registry.List().Select(registry.Summarize));
        description.Stays.AddRange(host.Stays);
        return description;
    }

    public Task CheckArrivalAsync(PrepareRequest request, CancellationToken cancellation) => arrivals.CheckAsync(request, cancellation);

    public Task<PrepareReply> PrepareAsync(PrepareRequest request, CancellationToken cancellation) =>
        arrivals.PrepareAsync(Name, request, cancellation);

    public Task InstallFlowsAsync(InstallFlowsRequest request, CancellationToken cancellation) =>
        arrivals.InstallFlowsAsync(request, cancellation);

    public Task<TransferReply> TransferAsync(Func<Func<ImageChunk, Task>, Task> producer, CancellationToken cancellation) =>
        throw new NotSupportedException("A node doesn't move a process to itself.");

    public Task<RestoreReply> RestoreAsync(RestoreRequest request, CancellationToken cancellation) =>
        arrivals.RestoreAsync(request, cancellation);

    public Task<CommitReply> CommitAsync(CommitRequest request, CancellationToken cancellation) => arrivals.CommitAsync(request);

    public Task AbortAsync(AbortRequest request, CancellationToken cancellation) => arrivals.AbortAsync(request.MigrationId, request.Reason);

    public Task<QueryMigrationReply> QueryMigrationAsync(QueryMigrationRequest request, CancellationToken cancellation) =>
        Task.FromResult(new QueryMigrationReply { Outcome = arrivals.Query(request.MigrationId) });

    public Task HoldEndpointsAsync(HoldEndpointsRequest request, CancellationToken cancellation) => home.HoldAsync(request, cancellation);

    public Task AdvertiseZeroWindowAsync(AdvertiseZeroWindowRequest request, CancellationToken cancellation) =>
        home.AdvertiseZeroWindowAsync(request, cancellation);

    public Task<AllocateLegsReply> AllocateLegsAsync(AllocateLegsRequest request, CancellationToken cancellation) =>
        home.AllocateLegsAsync(request, cancellation);

    public Task<SwitchPathReply> SwitchPathAsync(SwitchPathRequest request, CancellationToken cancellation) => home.SwitchAsync(request, cancellation);

    public Task CancelHoldAsync(CancelHoldRequest request, CancellationToken cancellation) => home.CancelHoldAsync(request, cancellation);

    public async Task ForgetProcessAsync(ForgetProcessRequest request, CancellationToken cancellation)
    {
        await home.ForgetAsync(request, cancellation);
        registry.Forget(request.ProcessId, request.Epoch);
    }

    public Task<OpenFlowReply> OpenFlowAsync(OpenFlowRequest request, CancellationToken cancellation) => request.HomeLeg is null
        ? home.OpenFromHostAsync(request, cancellation)
        : host.OpenFromHomeAsync(request, cancellation);

    public IAsyncEnumerable<WatchPacketsReply> WatchPacketsAsync(WatchPacketsRequest request, CancellationToken cancellation) =>
        packets.WatchAsync(request, cancellation);

    public Task<ExplainReply> ExplainAsync(ExplainRequest request, CancellationToken cancellation) =>
        explainer.ExplainHereAsync(request.ProcessId, cancellation);
}

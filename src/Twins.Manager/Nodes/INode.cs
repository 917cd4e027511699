using Twins.Protocol;

namespace Twins.Manager.Nodes;

/// <summary>
/// What a node does for a migration, in its roles as destination and as home (node.proto has the meaning of
/// each call). The same calls reach this node itself and others, so that a step needn't know which it talks to.
/// </summary>
/// <remarks>Every call throws <see cref="NodeException"/> when the node refuses or can't be reached.</remarks>
internal interface INode
{
    /// <summary>The node's name.</summary>
    string Name { get; }

    Task<NodeDescription> DescribeAsync(CancellationToken cancellation);

    /// <summary>Refuses what <see cref="PrepareAsync"/> would refuse, and changes nothing.</summary>
    Task CheckArrivalAsync(PrepareRequest request, CancellationToken cancellation);

    Task<PrepareReply> PrepareAsync(PrepareRequest request, CancellationToken cancellation);

    Task InstallFlowsAsync(InstallFlowsRequest request, CancellationToken cancellation);

    /// <summary>Sends the chunks that the producer writes, in order.</summary>
    Task<TransferReply> TransferAsync(Func<Func<ImageChunk, Task>, Task> producer, CancellationToken cancellation);

    Task<RestoreReply> RestoreAsync(RestoreRequest request, CancellationToken cancellation);

    Task<CommitReply> CommitAsync(CommitRequest request, CancellationToken cancellation);

    Task AbortAsync(AbortRequest request, CancellationToken cancellation);

    Task<QueryMigrationReply> QueryMigrationAsync(QueryMigrationRequest request, CancellationToken cancellation);

    Task HoldEndpointsAsync(HoldEndpointsRequest request, CancellationToken cancellation);

    Task AdvertiseZeroWindowAsync(AdvertiseZeroWindowRequest request, CancellationToken cancellation);

    Task<AllocateLegsReply> AllocateLegsAsync(AllocateLegsRequest request, CancellationToken cancellation);

    Task<SwitchPathReply> SwitchPathAsync(SwitchPathRequest request, CancellationToken cancellation);

    Task CancelHoldAsync(CancelHoldRequest request, CancellationToken cancellation);

    Task ForgetProcessAsync(ForgetProcessRequest request, CancellationToken cancellation);

    Task<OpenFlowReply> OpenFlowAsync(OpenFlowRequest request, CancellationToken cancellation);

    /// <summary>What its twins do with packets, until the cancellation.</summary>
    IAsyncEnumerable<WatchPacketsReply> WatchPacketsAsync(WatchPacketsRequest request, CancellationToken cancellation);

    Task<ExplainReply> ExplainAsync(ExplainRequest request, CancellationToken cancellation);
}

using Grpc.Core;
using Twins.Manager.Cluster;
using Twins.Manager.Migration;
using Twins.Protocol;

namespace Twins.Manager.Nodes;

/// <summary>The node API's gRPC front: hands every call to this node and turns its refusals into status and code.</summary>
internal sealed class NodeApiService(LocalNode node, MigrationService migrations, NodeAnnouncer announcer) : NodeApi.NodeApiBase
{
    /// <summary>Trailer with the stable code of a refusal.</summary>
    public const string CodeTrailer = "twins-code";

    public override Task<NodeDescription> Describe(DescribeRequest request, ServerCallContext context) =>
        GuardAsync(() => node.DescribeAsync(context.CancellationToken));

    public override Task<PrepareReply> Prepare(PrepareRequest request, ServerCallContext context) =>
        GuardAsync(() => node.PrepareFromAsync(Caller(context), request, context.CancellationToken));

    public override Task<InstallFlowsReply> InstallFlows(InstallFlowsRequest request, ServerCallContext context) =>
        GuardAsync(async () =>
        {
            await node.InstallFlowsAsync(request, context.CancellationToken);
            return new InstallFlowsReply();
        });

    public override Task<TransferReply> Transfer(IAsyncStreamReader<ImageChunk> requestStream, ServerCallContext context) =>
        GuardAsync(() => node.ReceiveAsync(Caller(context), requestStream.ReadAllAsync(context.CancellationToken), context.CancellationToken));

    public override Task<RestoreReply> Restore(RestoreRequest request, ServerCallContext context) =>
        GuardAsync(() => node.RestoreAsync(request, context.CancellationToken));

    // From here on a caller that hangs up doesn't stop what has begun.
    public override Task<CommitReply> Commit(CommitRequest request, ServerCallContext context) =>
        GuardAsync(() => node.CommitAsync(request, CancellationToken.None));

    public override Task<AbortReply> Abort(AbortRequest request, ServerCallContext context) =>
        GuardAsync(async () =>
        {
            await node.AbortAsync(request, CancellationToken.None);
            return new AbortReply();
        });

    public override Task<QueryMigrationReply> QueryMigration(QueryMigrationRequest request, ServerCallContext context) =>
        GuardAsync(() => node.QueryMigrationAsync(request, context.CancellationToken));

    public override Task<HoldEndpointsReply> HoldEndpoints(HoldEndpointsRequest request, ServerCallContext context) =>
        GuardAsync(async () =>
        {
            await node.HoldEndpointsAsync(request, CancellationToken.None);
            return new HoldEndpointsReply();
        });

    public override Task<AllocateLegsReply> AllocateLegs(AllocateLegsRequest request, ServerCallContext context) =>
        GuardAsync(() => node.AllocateLegsAsync(request, CancellationToken.None));

    public override Task<SwitchPathReply> SwitchPath(SwitchPathRequest request, ServerCallContext context) =>
        GuardAsync(() => node.SwitchPathAsync(request, CancellationToken.None));

    public override Task<CancelHoldReply> CancelHold(CancelHoldRequest request, ServerCallContext context) =>
        GuardAsync(async () =>
        {
            await node.CancelHoldAsync(request, CancellationToken.None);
            return new CancelHoldReply();
        });

    public override Task<ForgetProcessReply> ForgetProcess(ForgetProcessRequest request, ServerCallContext context) =>
        GuardAsync(async () =>
        {
            await node.ForgetProcessAsync(request, CancellationToken.None);
            return new ForgetProcessReply();
        });

    public override Task<OpenFlowReply> OpenFlow(OpenFlowRequest request, ServerCallContext context) =>
        GuardAsync(() => node.OpenFlowAsync(request, CancellationToken.None));

    public override Task<AnnounceNodeReply> AnnounceNode(AnnounceNodeRequest request, ServerCallContext context) =>
        Task.FromResult(announcer.Answer(request, context));

    public override Task RequestMigration(RequestMigrationRequest request, IServerStreamWriter<MigrationEvent> responseStream, ServerCallContext context) =>
        GuardAsync(async () =>
        {
            // The caller's Ctrl-C rolls the migration back.
            await foreach (var step in migrations.MigrateHereAsync(request.ProcessId, request.Destination, request.Path, context.CancellationToken))
                await responseStream.WriteAsync(step, CancellationToken.None);
            return true;
        });

    private static string Caller(ServerCallContext context) => context.GetNodeName();

    private static async Task<T> GuardAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (NodeException e)
        {
            throw new RpcException(
                new Grpc.Core.Status(StatusCode.FailedPrecondition, e.Message),
                new Metadata { { CodeTrailer, e.Code } });
        }
    }
}

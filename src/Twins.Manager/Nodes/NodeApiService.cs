using Grpc.Core;
using Twins.Manager.Cluster;
using Twins.Manager.Explaining;
using Twins.Manager.Home;
using Twins.Manager.Host;
using Twins.Manager.Migration;
using Twins.Manager.Watching;
using Twins.Protocol;

namespace Twins.Manager.Nodes;

/// <summary>The node API's gRPC front: hands every call to this node and turns its refusals into status and code.</summary>
internal sealed class NodeApiService(LocalNode node, HomeRole home, HostRole host, Arrivals arrivals, MigrationService migrations, NodeAnnouncer announcer, CertificateRenewal renewal, NodeRefusals refusals, PacketWatcher packets, Explainer explainer) : NodeApi.NodeApiBase
{
    /// <summary>Trailer with the stable code of a refusal.</summary>
    public const string CodeTrailer = "twins-code";

    public override Task<NodeDescription> Describe(DescribeRequest request, ServerCallContext context) =>
        GuardAsync(context, () => node.DescribeAsync(context.CancellationToken));

    public override Task<CheckArrivalReply> CheckArrival(PrepareRequest request, ServerCallContext context) =>
        GuardAsync(context, async () =>
        {
            await node.CheckArrivalAsync(request, context.CancellationToken);
            return new CheckArrivalReply();
        });

    public override Task<PrepareReply> Prepare(PrepareRequest request, ServerCallContext context) =>
        GuardAsync(context, () => arrivals.PrepareAsync(Caller(context), request, context.CancellationToken));

    public override Task<InstallFlowsReply> InstallFlows(InstallFlowsRequest request, ServerCallContext context) =>
        GuardAsync(context, async () =>
        {
            arrivals.RequireSource(request.MigrationId, Caller(context));
            await node.InstallFlowsAsync(request, context.CancellationToken);
            return new InstallFlowsReply();
        });

    public override Task<TransferReply> Transfer(IAsyncStreamReader<ImageChunk> requestStream, ServerCallContext context) =>
        GuardAsync(context, () => arrivals.ReceiveAsync(Caller(context), requestStream.ReadAllAsync(context.CancellationToken), context.CancellationToken));

    public override Task<RestoreReply> Restore(RestoreRequest request, ServerCallContext context) =>
        GuardAsync(context, () =>
        {
            arrivals.RequireSource(request.MigrationId, Caller(context));
            return node.RestoreAsync(request, context.CancellationToken);
        });

    // From here on a caller that hangs up doesn't stop what has begun.
    public override Task<CommitReply> Commit(CommitRequest request, ServerCallContext context) =>
        GuardAsync(context, () =>
        {
            arrivals.RequireSource(request.MigrationId, Caller(context));
            return node.CommitAsync(request, CancellationToken.None);
        });

    public override Task<AbortReply> Abort(AbortRequest request, ServerCallContext context) =>
        GuardAsync(context, async () =>
        {
            arrivals.RequireSource(request.MigrationId, Caller(context));
            await node.AbortAsync(request, CancellationToken.None);
            return new AbortReply();
        });

    public override Task<QueryMigrationReply> QueryMigration(QueryMigrationRequest request, ServerCallContext context) =>
        GuardAsync(context, () => node.QueryMigrationAsync(request, context.CancellationToken));

    public override Task<HoldEndpointsReply> HoldEndpoints(HoldEndpointsRequest request, ServerCallContext context) =>
        GuardAsync(context, async () =>
        {
            home.RequireHost(request.ProcessId, Caller(context));
            await node.HoldEndpointsAsync(request, CancellationToken.None);
            return new HoldEndpointsReply();
        });

    public override Task<AdvertiseZeroWindowReply> AdvertiseZeroWindow(AdvertiseZeroWindowRequest request, ServerCallContext context) =>
        GuardAsync(context, async () =>
        {
            home.RequireHost(request.ProcessId, Caller(context));
            await node.AdvertiseZeroWindowAsync(request, context.CancellationToken);
            return new AdvertiseZeroWindowReply();
        });

    public override Task<AllocateLegsReply> AllocateLegs(AllocateLegsRequest request, ServerCallContext context) =>
        GuardAsync(context, () =>
        {
            home.RequireHost(request.ProcessId, Caller(context));
            return node.AllocateLegsAsync(request, CancellationToken.None);
        });

    public override Task<SwitchPathReply> SwitchPath(SwitchPathRequest request, ServerCallContext context) =>
        GuardAsync(context, () => request.Host == Caller(context)
            ? node.SwitchPathAsync(request, CancellationToken.None)
            : throw new NodeException(node.Name, "foreign-path", $"Node '{Caller(context)}' can't say that a process runs on '{request.Host}'."));

    public override Task<CancelHoldReply> CancelHold(CancelHoldRequest request, ServerCallContext context) =>
        GuardAsync(context, async () =>
        {
            home.RequireHost(request.ProcessId, Caller(context));
            await node.CancelHoldAsync(request, CancellationToken.None);
            return new CancelHoldReply();
        });

    public override Task<ForgetProcessReply> ForgetProcess(ForgetProcessRequest request, ServerCallContext context) =>
        GuardAsync(context, async () =>
        {
            home.RequireHost(request.ProcessId, Caller(context));
            await node.ForgetProcessAsync(request, CancellationToken.None);
            return new ForgetProcessReply();
        });

    public override Task<OpenFlowReply> OpenFlow(OpenFlowRequest request, ServerCallContext context) =>
        GuardAsync(context, () =>
        {
            if (request.HomeLeg is null)
                home.RequireHost(request.ProcessId, Caller(context));
            else
                host.RequireHome(request.ProcessId, Caller(context));
            return node.OpenFlowAsync(request, CancellationToken.None);
        });

    public override Task<AnnounceNodeReply> AnnounceNode(AnnounceNodeRequest request, ServerCallContext context) =>
        Task.FromResult(announcer.Answer(request, context));

    public override Task<RenewCertificateReply> RenewCertificate(RenewCertificateRequest request, ServerCallContext context) =>
        Task.FromResult(renewal.Answer(request, context));

    public override Task RequestMigration(RequestMigrationRequest request, IServerStreamWriter<MigrationEvent> responseStream, ServerCallContext context) =>
        GuardAsync(context, async () =>
        {
            // The caller's Ctrl-C rolls the migration back.
            await foreach (var step in migrations.MigrateHereAsync(request.ProcessId, request.Destination, request.Path, context.CancellationToken))
                await responseStream.WriteAsync(step, CancellationToken.None);
            return true;
        });

    public override Task<CancelMigrationReply> CancelMigration(CancelMigrationRequest request, ServerCallContext context) =>
        Task.FromResult(new CancelMigrationReply { UnderWay = migrations.Cancel(request.ProcessId) });

    public override Task WatchPackets(WatchPacketsRequest request, IServerStreamWriter<WatchPacketsReply> responseStream, ServerCallContext context) =>
        GuardAsync(context, async () =>
        {
            await foreach (var reply in packets.WatchAsync(request, context.CancellationToken))
                await responseStream.WriteAsync(reply, context.CancellationToken);
            return true;
        });

    public override Task<ExplainReply> Explain(ExplainRequest request, ServerCallContext context) =>
        GuardAsync(context, () => explainer.ExplainHereAsync(request.ProcessId, context.CancellationToken));

    private static RpcException Refused(NodeException e) => new(
        new Grpc.Core.Status(StatusCode.FailedPrecondition, e.Message), new Metadata { { CodeTrailer, e.Code } });

    private static string Caller(ServerCallContext context) => context.GetNodeName();

    private async Task<T> GuardAsync<T>(ServerCallContext context, Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (NodeException e)
        {
            refusals.Tell(Caller(context), context.Method, e);
            throw Refused(e);
        }
        catch (Exception e) when (e is not (RpcException or OperationCanceledException or OutOfMemoryException))
        {
            // Left to gRPC the caller would hear of an unknown error, and take this node for one that can't be reached.
            refusals.TellFailed(Caller(context), context.Method, e);
            throw Refused(NodeFailure.Explain(e, node.Name, "failed"));
        }
    }
}

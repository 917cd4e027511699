using Grpc.Core;
using Twins.Manager.Cluster;
using Twins.Protocol;

namespace Twins.Manager.Tests.Cluster;

/// <summary>Answers with who the caller is, and with the serial number of its certificate as version.</summary>
internal sealed class TestNodeApi(NodeCluster cluster, NodeAnnouncer announcer, CertificateRenewal renewal) : NodeApi.NodeApiBase
{
    public override Task<NodeDescription> Describe(DescribeRequest request, ServerCallContext context) =>
        Task.FromResult(new NodeDescription
        {
            Name = cluster.Name, Address = context.GetNodeName(), Version = context.GetHttpContext().Connection.ClientCertificate!.SerialNumber,
        });

    public override Task<RenewCertificateReply> RenewCertificate(RenewCertificateRequest request, ServerCallContext context) =>
        Task.FromResult(renewal.Answer(request, context));

    public override Task<AnnounceNodeReply> AnnounceNode(AnnounceNodeRequest request, ServerCallContext context) =>
        Task.FromResult(announcer.Answer(request, context));

    public override Task<PrepareReply> Prepare(PrepareRequest request, ServerCallContext context) => Task.FromResult(new PrepareReply());

    public override async Task<TransferReply> Transfer(IAsyncStreamReader<ImageChunk> requestStream, ServerCallContext context)
    {
        await foreach (var chunk in requestStream.ReadAllAsync())
            GC.KeepAlive(chunk);
        return new TransferReply();
    }

    public override Task<AbortReply> Abort(AbortRequest request, ServerCallContext context) => throw new ArgumentException("Nobody foresaw this.");
}

/// <summary>Answers whoever is let through.</summary>
internal sealed class TestLocalApi : LocalApi.LocalApiBase
{
    public override Task<ListProcessesReply> ListProcesses(ListProcessesRequest request, ServerCallContext context) =>
        Task.FromResult(new ListProcessesReply());

    public override Task<ProcessInfo> Hold(ProcessRequest request, ServerCallContext context) => Task.FromResult(new ProcessInfo());
}

using System.Runtime.CompilerServices;
using Grpc.Core;
using Twins.Protocol;

namespace Twins.Manager.Nodes;

/// <summary>Another node, over its node API.</summary>
internal sealed class RemoteNode(string name, NodeApi.NodeApiClient client) : INode
{
    private static readonly TimeSpan ControlTime = TimeSpan.FromSeconds(5);

    // It may have to wait for a third node.
    private static readonly TimeSpan ExplainTime = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan WorkTime = TimeSpan.FromMinutes(2);

    // A checkpoint is a score of small files and one large: the small ones go together.
    private const int SmallChunkBytes = 32 << 10;
    private static readonly WriteOptions s_laterChunksFollow = new(WriteFlags.BufferHint);
    private static readonly WriteOptions s_atOnce = new();

    /// <inheritdoc/>
    public string Name => name;

    public Task<NodeDescription> DescribeAsync(CancellationToken cancellation) =>
        CallAsync(o => client.DescribeAsync(new DescribeRequest(), o), ControlTime, cancellation);

    public Task CheckArrivalAsync(PrepareRequest request, CancellationToken cancellation) =>
        CallAsync(o => client.CheckArrivalAsync(request, o), WorkTime, cancellation);

    public Task<PrepareReply> PrepareAsync(PrepareRequest request, CancellationToken cancellation) =>
        CallAsync(o => client.PrepareAsync(request, o), WorkTime, cancellation);

    public Task InstallFlowsAsync(InstallFlowsRequest request, CancellationToken cancellation) =>
        CallAsync(o => client.InstallFlowsAsync(request, o), WorkTime, cancellation);

    public async Task<TransferReply> TransferAsync(Func<Func<ImageChunk, Task>, Task> producer, CancellationToken cancellation)
    {
        try
        {
            // As long as it takes: a link or node that is gone is noticed by the connection.
            using var call = client.Transfer(new CallOptions(cancellationToken: cancellation));
            try
            {
                await producer(chunk =>
                {
                    call.RequestStream.WriteOptions = chunk.Data.Length < SmallChunkBytes ? s_laterChunksFollow : s_atOnce;
                    return call.RequestStream.WriteAsync(chunk, cancellation);
                });
                await call.RequestStream.CompleteAsync();
            }
            catch (Exception e) when (e is InvalidOperationException or RpcException or HttpIOException)
            {
                // The other side ended the call early: a write that it cut off says no more than that, the call's status says why.
            }

            return await call.ResponseAsync;
        }
        catch (RpcException e)
        {
            throw Translate(e, cancellation);
        }
    }

    public Task<RestoreReply> RestoreAsync(RestoreRequest request, CancellationToken cancellation) =>
        CallAsync(o => client.RestoreAsync(request, o), WorkTime, cancellation);

    public Task<CommitReply> CommitAsync(CommitRequest request, CancellationToken cancellation) =>
        CallAsync(o => client.CommitAsync(request, o), ControlTime, cancellation);

    public Task AbortAsync(AbortRequest request, CancellationToken cancellation) =>
        CallAsync(o => client.AbortAsync(request, o), ControlTime, cancellation);

    public Task<QueryMigrationReply> QueryMigrationAsync(QueryMigrationRequest request, CancellationToken cancellation) =>
        CallAsync(o => client.QueryMigrationAsync(request, o), ControlTime, cancellation);

    public Task HoldEndpointsAsync(HoldEndpointsRequest request, CancellationToken cancellation) =>
        CallAsync(o => client.HoldEndpointsAsync(request, o), ControlTime, cancellation);

    public Task AdvertiseZeroWindowAsync(AdvertiseZeroWindowRequest request, CancellationToken cancellation) =>
        CallAsync(o => client.AdvertiseZeroWindowAsync(request, o), ControlTime, cancellation);

    public Task<AllocateLegsReply> AllocateLegsAsync(AllocateLegsRequest request, CancellationToken cancellation) =>
        CallAsync(o => client.AllocateLegsAsync(request, o), ControlTime, cancellation);

    public Task<SwitchPathReply> SwitchPathAsync(SwitchPathRequest request, CancellationToken cancellation) =>
        CallAsync(o => client.SwitchPathAsync(request, o), ControlTime, cancellation);

    public Task CancelHoldAsync(CancelHoldRequest request, CancellationToken cancellation) =>
        CallAsync(o => client.CancelHoldAsync(request, o), ControlTime, cancellation);

    public Task ForgetProcessAsync(ForgetProcessRequest request, CancellationToken cancellation) =>
        CallAsync(o => client.ForgetProcessAsync(request, o), ControlTime, cancellation);

    public Task<OpenFlowReply> OpenFlowAsync(OpenFlowRequest request, CancellationToken cancellation) =>
        CallAsync(o => client.OpenFlowAsync(request, o), ControlTime, cancellation);

    public async IAsyncEnumerable<WatchPacketsReply> WatchPacketsAsync(WatchPacketsRequest request, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var call = client.WatchPackets(request, new CallOptions(cancellationToken: cancellation));
        while (await NextAsync(call.ResponseStream, cancellation))
            yield return call.ResponseStream.Current;
    }

    public Task<ExplainReply> ExplainAsync(ExplainRequest request, CancellationToken cancellation) =>
        CallAsync(o => client.ExplainAsync(request, o), ExplainTime, cancellation);

    /// <summary>Why there was no answer, as far as it is known: what the network said, without gRPC's and HTTP's names for it.</summary>
    public static string Cause(RpcException e) => e.StatusCode == StatusCode.DeadlineExceeded
        ? "no answer in time"
        : (e.Status.DebugException?.GetBaseException().Message ?? $"{e.StatusCode}: {e.Status.Detail}").TrimEnd('.');

    private async Task<bool> NextAsync(IAsyncStreamReader<WatchPacketsReply> replies, CancellationToken cancellation)
    {
        try
        {
            return await replies.MoveNext(cancellation);
        }
        catch (RpcException e)
        {
            throw Translate(e, cancellation);
        }
    }

    private async Task<T> CallAsync<T>(Func<CallOptions, AsyncUnaryCall<T>> call, TimeSpan time, CancellationToken cancellation)
    {
        try
        {
            return await call(Options(time, cancellation));
        }
        catch (RpcException e)
        {
            throw Translate(e, cancellation);
        }
    }

    private static CallOptions Options(TimeSpan time, CancellationToken cancellation) =>
        new(deadline: DateTime.UtcNow + time, cancellationToken: cancellation);

    private Exception Translate(RpcException e, CancellationToken cancellation)
    {
        if (e.StatusCode == StatusCode.Cancelled && cancellation.IsCancellationRequested)
            return new OperationCanceledException(cancellation);
        var code = e.Trailers.GetValue(NodeApiService.CodeTrailer);
        return code is not null
            ? new NodeException(name, code, e.Status.Detail, inner: e)
            : new NodeException(
                name,
                "node-unreachable",
                $"Node '{name}' didn't answer ({Cause(e)}). Check that its twinsd runs and that the network between the nodes works.",
                unreachable: true,
                e);
    }
}

using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Http;
using Twins.Manager.Audit;
using Twins.Manager.Cluster;
using Twins.Protocol;

namespace Twins.Manager.Access;

/// <summary>
/// Around every method of every service: tells of what it refuses, and of what failed, and writes down what the local API changes. gRPC's own log is off, because a message
/// that can't be read is an error with a stack there, each time.
/// </summary>
internal sealed class CallInterceptor(RefusalLog refusals, AuditLog audit) : Interceptor
{
    private static readonly object ReachedKey = new();

    /// <summary>Whether the call's message could be read and its method began.</summary>
    public static bool WasReached(HttpContext context) => context.Items.ContainsKey(ReachedKey);

    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        WatchAsync(context, () => AuditAsync(AuditOf(context, request), () => continuation(request, context)));

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        WatchAsync(context, () => continuation(new CheckedStream<TRequest>(requestStream), context));

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        WatchAsync(context, () =>
        {
            var change = AuditOf(context, request);
            change?.Begin();
            return AuditAsync(change, async () =>
            {
                await continuation(request, change is null ? responseStream : new WatchedStream<TResponse>(responseStream, change), context);
                return true;
            });
        });

    /// <summary>Null: it isn't one that changes something by the local API.</summary>
    private CallAudit? AuditOf(ServerCallContext context, object request)
    {
        var method = context.Method[(context.Method.LastIndexOf('/') + 1)..];
        return context.GetHttpContext().Features.Get<LocalCaller>() is { } caller && MethodTable.Levels.GetValueOrDefault(method) == AccessLevel.Change
            && request is not DiagnoseRequest { RemoveLeftovers: false }
            ? new CallAudit(audit, caller, method, request)
            : null;
    }

    private static async Task<T> AuditAsync<T>(CallAudit? audit, Func<Task<T>> call)
    {
        if (audit is null)
            return await call();
        try
        {
            var result = await call();
            audit.End(null);
            return result;
        }
        catch (Exception e)
        {
            audit.End(e);
            throw;
        }
    }

    private async Task<T> WatchAsync<T>(ServerCallContext context, Func<Task<T>> call)
    {
        var http = context.GetHttpContext();
        http.Items[ReachedKey] = true;
        try
        {
            return await call();
        }
        catch (RpcException e)
        {
            switch (http.Features.Get<ListenerFeature>()?.Kind)
            {
                case ListenerKind.Join:
                    refusals.Tell(RefusalKind.Join, http.GetSender(), $"to join: {e.Status.Detail}", $"{e.StatusCode}");
                    break;
                case ListenerKind.Node when e.StatusCode is StatusCode.InvalidArgument or StatusCode.ResourceExhausted:
                    refusals.Tell(RefusalKind.Call, http.GetSender(), $"{context.Method}: {e.Status.Detail}", context.Method);
                    break;
            }

            throw;
        }
        catch (Exception e) when (!context.CancellationToken.IsCancellationRequested)
        {
            refusals.TellFailure(http.GetSender(), context.Method, e);
            throw;
        }
    }
}

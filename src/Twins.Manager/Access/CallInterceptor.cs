using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Http;
using Twins.Manager.Cluster;

namespace Twins.Manager.Access;

/// <summary>
/// Around every method of every service: tells of what it refuses, and of what failed. gRPC's own log is off, because a message
/// that can't be read is an error with a stack there, each time.
/// </summary>
internal sealed class CallInterceptor(RefusalLog refusals) : Interceptor
{
    private static readonly object ReachedKey = new();

    /// <summary>Whether the call's message could be read and its method began.</summary>
    public static bool WasReached(HttpContext context) => context.Items.ContainsKey(ReachedKey);

    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        WatchAsync(context, () => continuation(request, context));

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        WatchAsync(context, () => continuation(new CheckedStream<TRequest>(requestStream), context));

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        WatchAsync(context, async () =>
        {
            await continuation(request, responseStream, context);
            return true;
        });

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

using Grpc.Core;
using Grpc.Core.Interceptors;
using Twins.Manager.Cluster;
using Twins.Protocol;
using Status = Grpc.Core.Status;

namespace Twins.Manager.Access;

/// <summary>
/// Before any call: its service must belong to the listener that it came in by, and on the Unix socket the caller's
/// rights must do for it. A service or method that is in no table is refused.
/// </summary>
internal sealed class ListenerInterceptor(LocalAccess access) : Interceptor
{
    private static readonly Dictionary<string, ListenerKind> Services = new(StringComparer.Ordinal)
    {
        [LocalApi.Descriptor.FullName] = ListenerKind.Local,
        [NodeApi.Descriptor.FullName] = ListenerKind.Node,
        [JoinApi.Descriptor.FullName] = ListenerKind.Join,
    };

    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        Check(context);
        return continuation(request, context);
    }

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Check(context);
        return continuation(requestStream, context);
    }

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Check(context);
        return continuation(request, responseStream, context);
    }

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Check(context);
        return continuation(requestStream, responseStream, context);
    }

    private void Check(ServerCallContext context)
    {
        // Method is "/package.Service/Name".
        var parts = context.Method.Split('/');
        var kind = context.GetHttpContext().Features.Get<ListenerFeature>()?.Kind;
        if (parts.Length != 3 || kind is null || !Services.TryGetValue(parts[1], out var expected) || expected != kind)
            throw new RpcException(new Status(StatusCode.Unimplemented, "This service is not offered here."));
        if (kind == ListenerKind.Local)
            access.Check(context.GetHttpContext(), parts[2]);
        if (kind == ListenerKind.Node)
            context.GetNodeName();
    }
}

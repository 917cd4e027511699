using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Twins.Manager.Cluster;
using Twins.Protocol;

namespace Twins.Manager.Access;

/// <summary>
/// Before any call, and before its message is read: its service must belong to the listener that it came in by, the caller's rights
/// on the Unix socket must do for its method, and on the node API's port the caller must be a node. A service or method that is in
/// no table is refused.
/// </summary>
internal sealed class AccessGate(LocalAccess access, RefusalLog refusals)
{
    private static readonly Dictionary<string, ListenerKind> Services = new(StringComparer.Ordinal)
    {
        [LocalApi.Descriptor.FullName] = ListenerKind.Local,
        [PageApi.Descriptor.FullName] = ListenerKind.Local,
        [NodeApi.Descriptor.FullName] = ListenerKind.Node,
        [JoinApi.Descriptor.FullName] = ListenerKind.Join,
    };

    /// <summary>Lets the request go on, or answers it with a refusal.</summary>
    public async Task PassAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            Check(context);
        }
        catch (RpcException refusal)
        {
            Refuse(context.Response, refusal.Status);
            return;
        }

        await next(context);
        // gRPC has answered by itself, unless the caller went away.
        if (!CallInterceptor.WasReached(context) && !context.RequestAborted.IsCancellationRequested)
            refusals.Tell(RefusalKind.Call, context.GetSender(), $"a call of {context.Request.Path.Value}: its message can't be read, or there is no such method");
    }

    private void Check(HttpContext context)
    {
        // The path is "/package.Service/Method".
        var parts = (context.Request.Path.Value ?? "").Split('/');
        var connection = context.Features.Get<ListenerFeature>();
        connection?.HasCalled = true;
        var kind = connection?.Kind;
        if (parts.Length != 3 || kind is null || !Services.TryGetValue(parts[1], out var expected) || expected != kind)
        {
            refusals.Tell(RefusalKind.Call, context.GetSender(), $"a call of {context.Request.Path.Value}: no such service is offered there", "service");
            throw new RpcException(new Grpc.Core.Status(StatusCode.Unimplemented, "This service is not offered here."));
        }

        if (kind == ListenerKind.Local)
            access.Check(context, parts[2]);
        if (kind == ListenerKind.Node)
            context.GetNodeName();
    }

    // A response of headers only, as gRPC has it for calls that fail at once.
    private static void Refuse(HttpResponse response, Grpc.Core.Status status)
    {
        response.ContentType = "application/grpc";
        response.Headers["grpc-status"] = ((int)status.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture);
        response.Headers["grpc-message"] = Uri.EscapeDataString(status.Detail);
    }
}

namespace Twins.Admin.Security;

/// <summary>
/// Requests that other sites have made in the visitor's browser are refused: whatever isn't a GET, and each WebSocket, must name this
/// page as its origin.
/// </summary>
internal sealed class OriginCheck(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        var request = context.Request;
        var origin = request.Headers.Origin.ToString();
        var isOurs = origin == $"{request.Scheme}://{request.Host}";
        var mustTell = context.WebSockets.IsWebSocketRequest || request.Headers.Upgrade.Count > 0 || !(HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method));
        if (isOurs || (origin.Length == 0 && !mustTell))
            return next(context);
        context.Response.StatusCode = StatusCodes.Status403Forbidden;
        return context.Response.WriteAsync("This request comes from another site.");
    }
}

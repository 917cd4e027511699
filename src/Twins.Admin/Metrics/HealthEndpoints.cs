using Grpc.Core;
using Twins.Admin.Node;
using Twins.Protocol;

namespace Twins.Admin.Metrics;

/// <summary>For watchdogs, without a login: <c>/healthz</c>, this program runs; <c>/readyz</c>, and twinsd answers.</summary>
internal static class HealthEndpoints
{
    public static void MapHealth(this WebApplication app)
    {
        app.MapGet("/healthz", () => "ok\n").AllowAnonymous();
        app.MapGet("/readyz", async (HttpContext context, TwinsdConnection twinsd) =>
        {
            try
            {
                await twinsd.Page().ReadMetricsAsync(new ReadMetricsRequest(), deadline: DateTime.UtcNow + TwinsdConnection.CallTime, cancellationToken: context.RequestAborted);
                return Results.Text("ok\n");
            }
            catch (RpcException e)
            {
                return Results.Text($"twinsd doesn't answer ({e.StatusCode})\n", statusCode: StatusCodes.Status503ServiceUnavailable);
            }
        }).AllowAnonymous();
    }
}

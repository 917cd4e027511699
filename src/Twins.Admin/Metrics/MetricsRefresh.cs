namespace Twins.Admin.Metrics;

/// <summary>Asks <c>twinsd</c> before the exporter reads what it said.</summary>
internal sealed class MetricsRefresh(RequestDelegate next, NodeMeter meter)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (context.Request.Path == "/metrics")
            await meter.RefreshAsync(context.RequestAborted);
        await next(context);
    }
}

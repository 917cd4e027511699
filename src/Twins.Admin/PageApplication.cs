using System.Net;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Server;
using Microsoft.AspNetCore.DataProtection;
using MudBlazor.Services;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using Twins.Admin.Components;
using Twins.Admin.Login;
using Twins.Admin.Metrics;
using Twins.Admin.Node;
using Twins.Admin.Security;

namespace Twins.Admin;

/// <summary>The whole of the page's program, ready to be started.</summary>
internal static class PageApplication
{
    private const long MostBodyBytes = 64 * 1024;

    /// <summary>Puts it together.</summary>
    public static WebApplication Build(PageOptions options)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory, EnvironmentName = "Production" });
        builder.Configuration.Sources.Clear();
        builder.Logging.ClearProviders().AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
        }).AddFilter("Microsoft", LogLevel.Warning).AddFilter("Microsoft.AspNetCore.Authentication", LogLevel.Error).AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = 200;
            kestrel.Limits.MaxConcurrentUpgradedConnections = 64;
            kestrel.Limits.MaxRequestBodySize = MostBodyBytes;
            kestrel.Listen(IPAddress.Loopback, options.Port);
        });

        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton<TwinsdConnection>();
        builder.Services.AddSingleton<Migrations>();
        builder.Services.AddSingleton<NodeMeter>();
        builder.Services.AddScoped<NodeSession>();
        builder.Services.AddScoped<LiveState>();
        builder.Services.AddHostedService<Lifeline>();

        // Cookies of anti-forgery live no longer than the program; nothing is kept on disk.
        builder.Services.AddSingleton<IDataProtectionProvider>(new EphemeralDataProtectionProvider());
        builder.Services.AddHostFiltering(hosts => (hosts.AllowedHosts, hosts.AllowEmptyHosts, hosts.IncludeFailureMessage) = (["127.0.0.1", "localhost"], false, false));
        builder.Services.AddAuthentication(SessionAuthentication.SchemeName)
            .AddScheme<AuthenticationSchemeOptions, SessionAuthentication>(SessionAuthentication.SchemeName, null);
        builder.Services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build());
        builder.Services.AddCascadingAuthenticationState();
        builder.Services.AddRazorComponents().AddInteractiveServerComponents(circuits =>
        {
            circuits.DisconnectedCircuitMaxRetained = 20;
            circuits.DisconnectedCircuitRetentionPeriod = TimeSpan.FromMinutes(1);
        }).AddHubOptions(hub => hub.MaximumReceiveMessageSize = MostBodyBytes);
        builder.Services.AddMudServices();
        builder.Services.AddOpenTelemetry().ConfigureResource(resource => resource.Clear().AddService("twins-admin", autoGenerateServiceInstanceId: false)).WithMetrics(metrics => metrics.AddMeter(NodeMeter.Name).AddPrometheusExporter());

        var app = builder.Build();
        app.UseHostFiltering();
        app.UseMiddleware<ResponseHeaders>();
        app.UseMiddleware<OriginCheck>();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseAntiforgery();
        app.UseMiddleware<MetricsRefresh>();
        app.MapStaticAssets().AllowAnonymous();
        app.MapLogin();
        app.MapHealth();
        app.MapPrometheusScrapingEndpoint("/metrics").AllowAnonymous();
        app.MapRazorComponents<App>().AddInteractiveServerRenderMode(render => render.ContentSecurityFrameAncestorsPolicy = "'none'");
        return app;
    }
}

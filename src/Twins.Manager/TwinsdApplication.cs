using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Twins.Manager.Access;
using Twins.Manager.Admin;
using Twins.Manager.Admin.Page;
using Twins.Manager.Cluster;
using Twins.Manager.Nodes;
using Twins.Manager.Settings;
using Twins.Manager.Windows;

namespace Twins.Manager;

/// <summary>The whole of <c>twinsd</c>, ready to be started.</summary>
internal static class TwinsdApplication
{
    /// <summary>Puts it together.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="replace">Services that take the place of ours, for tests.</param>
    public static WebApplication Build(TwinsdOptions options, Action<IServiceCollection>? replace = null)
    {
        // A Windows service starts in a directory that isn't ours.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = OperatingSystem.IsWindows() ? AppContext.BaseDirectory : null });
        builder.Host.UseSystemd();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Logging.ClearProviders().AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
        });
        if (OperatingSystem.IsWindows())
            Service.Use(builder);
        builder.Logging.AddTwinsFilters();
        var recent = new RecentLog(TimeProvider.System);
        builder.Logging.AddProvider(recent);
        builder.Services.AddSingleton(recent);
        builder.Services.AddSingleton(options);
        builder.Services.AddTwinsCluster();
        builder.Services.AddTwinsAccess();
        builder.Services.AddTwinsManager(options);
        replace?.Invoke(builder.Services);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.ConfigureLocalApi(options);
            kestrel.ConfigureNodeApi(options);
        });
        var app = builder.Build();
        app.MapGrpcService<LocalApiService>();
        app.MapGrpcService<PageApiService>();
        app.MapGrpcService<NodeApiService>();
        app.MapGrpcService<JoinService>();
        return app;
    }
}

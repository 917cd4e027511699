using Microsoft.AspNetCore.Builder;
using Twins.Manager;
using Twins.Manager.Access;
using Twins.Manager.Admin;
using Twins.Manager.Checkpoint;
using Twins.Manager.Cluster;
using Twins.Manager.Home;
using Twins.Manager.Hooks;
using Twins.Manager.Host;
using Twins.Manager.Migration;
using Twins.Manager.Nodes;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Manager.Rules;
using Twins.Manager.Settings;
using Twins.Manager.Settings.Windows;
using Twins.Manager.Windows;
using Twins.Table;
using Twins.Table.Sqlite;

WebApplication? app = null;
try
{
    var options = SettingsReader.Read(args, Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>().ToDictionary(e => (string)e.Key, e => (string?)e.Value ?? ""));
    if (OperatingSystem.IsWindows())
        OwnDirectory.Prepare(options);
    app = Build(options);
    await app.StartAsync();
}
catch (Exception e) when (StartFailures.Find(e) is { } failure)
{
    Console.Error.WriteLine(failure == StartFailure.Settings ? e.Message : $"twinsd can't start: {e.Message}");
    if (OperatingSystem.IsWindows())
        Service.TellFailure(failure, e.Message, app?.Services);
    return (int)failure;
}

await app.WaitForShutdownAsync();
return 0;

static WebApplication Build(TwinsdOptions options)
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
    builder.Services.AddSingleton(options);
    builder.Services.AddTwinsCluster();
    builder.Services.AddTwinsAccess();
    builder.Services.AddTwinsManager(options);
    builder.WebHost.ConfigureKestrel(kestrel =>
    {
        kestrel.ConfigureLocalApi(options);
        kestrel.ConfigureNodeApi(options);
    });
    var app = builder.Build();
    app.MapGrpcService<LocalApiService>();
    app.MapGrpcService<NodeApiService>();
    app.MapGrpcService<JoinService>();
    return app;
}

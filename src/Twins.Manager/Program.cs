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
using Twins.Table;
using Twins.Table.Sqlite;

TwinsdOptions options;
try
{
    options = SettingsReader.Read(args, Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>().ToDictionary(e => (string)e.Key, e => (string?)e.Value ?? ""));
}
catch (SettingsException e)
{
    Console.Error.WriteLine(e.Message);
    return (int)StartFailure.Settings;
}

var builder = WebApplication.CreateSlimBuilder();
builder.Host.UseSystemd();
builder.WebHost.UseKestrelHttpsConfiguration();
builder.Logging.ClearProviders().AddSimpleConsole(console =>
{
    console.SingleLine = true;
    console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
    console.UseUtcTimestamp = true;
});
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

WebApplication app;
try
{
    app = builder.Build();
    app.MapGrpcService<LocalApiService>();
    app.MapGrpcService<NodeApiService>();
    app.MapGrpcService<JoinService>();
    await app.StartAsync();
}
catch (Exception e) when (StartFailures.Find(e) is { } failure)
{
    Console.Error.WriteLine($"twinsd can't start: {e.Message}");
    return (int)failure;
}

await app.WaitForShutdownAsync();
return 0;

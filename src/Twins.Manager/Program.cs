using Microsoft.AspNetCore.Builder;
using Twins.Manager;
using Twins.Manager.Cluster;
using Twins.Manager.Nodes;
using Twins.Manager.Settings;
using Twins.Manager.Settings.Windows;
using Twins.Manager.Windows;

if (args is ["--version"])
{
    Console.WriteLine(NodeFacts.Version);
    return 0;
}

if (args is ["--help" or "-h"])
{
    Console.WriteLine("Usage: twinsd [--config PATH] [--KEY VALUE]...\nKeeps this node's connections and processes for Twins; see 'twins --help'.\nSettings: twinsd.json(5), docs/settings.md.");
    return 0;
}

WebApplication? app = null;
try
{
    var options = SettingsReader.Read(args, Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>().ToDictionary(e => (string)e.Key, e => (string?)e.Value ?? ""));
    if (OperatingSystem.IsWindows())
        OwnDirectory.Prepare(options);
    NodePorts.RequireFree(options);
    app = TwinsdApplication.Build(options);
    await app.StartAsync();
}
catch (Exception e) when (StartFailures.Find(e) is { } failure)
{
    Console.Error.WriteLine(failure == StartFailure.Settings ? e.Message : $"twinsd can't start: {e.Message}");
    if (OperatingSystem.IsWindows())
        Service.TellFailure(failure, e.Message, app?.Services);
    return (int)failure;
}
catch (OperationCanceledException) when (app?.Lifetime.ApplicationStopping.IsCancellationRequested == true)
{
    // Told to end while it started.
    await app.DisposeAsync();
    return 0;
}

await app.WaitForShutdownAsync();
return 0;

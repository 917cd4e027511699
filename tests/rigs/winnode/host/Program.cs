using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Twins.Manager;
using Twins.Manager.Cluster;
using Twins.Manager.Settings;
using Twins.Manager.Settings.Windows;
using Twins.WindowsNode;

var environment = Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>().ToDictionary(e => (string)e.Key, e => (string?)e.Value ?? "");
var options = SettingsReader.Read(args, environment);
OwnDirectory.Prepare(options);
await TwinsdApplication.Build(options, services => services.AddSingleton<INodeTransport, RelayedTransport>()).RunAsync();

using Microsoft.Testing.Platform.Builder;
using Twins.Manager.Windows.Tests;
using Twins.Manager.Windows.Tests.Processes;

if (args is [SocketProgram.Verb])
    return SocketProgram.Run();

var builder = await TestApplication.CreateBuilderAsync(args);
builder.AddSelfRegisteredExtensions(args);
using var application = await builder.BuildAsync();
return await application.RunAsync();

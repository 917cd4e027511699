using Microsoft.Testing.Platform.Builder;
using Twins.Table.Tests;

if (args is [CrashingWriter.Verb, var path])
    return CrashingWriter.Run(path);

var builder = await TestApplication.CreateBuilderAsync(args);
builder.AddSelfRegisteredExtensions(args);
using var application = await builder.BuildAsync();
return await application.RunAsync();

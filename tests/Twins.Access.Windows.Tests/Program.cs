using Microsoft.Testing.Platform.Builder;
using Twins.Access.Windows.Tests;
using Twins.Access.Windows.Tests.Support;

// The service manager starts this program in one of these ways; otherwise it runs the tests.
switch (args.FirstOrDefault())
{
    case TinyService.Argument:
        return await TinyService.RunAsync(fails: false);
    case TinyService.FailingArgument:
        return await TinyService.RunAsync(fails: true);
    case TinyService.DaemonArgument:
        return TinyService.RunDaemon(args[1..]);
}

var builder = await TestApplication.CreateBuilderAsync(args);
builder.AddSelfRegisteredExtensions(args);
using var tests = await builder.BuildAsync();
return await tests.RunAsync();

using System.Runtime.InteropServices;
using Twins.Cli;
using Twins.Hook.Windows.Tests.Support;

namespace Twins.Hook.Windows.Tests;

/// <summary>
/// The tests; or, as <c>--twins ARGUMENTS...</c>, the CLI as a program of its own, whose node is in it; or, as <c>--sockets</c>, a .NET
/// program for the hook.
/// </summary>
internal static class EntryPoint
{
    /// <summary>Makes this program the CLI.</summary>
    public const string AsTwins = "--twins";

    /// <summary>Makes this program <see cref="DotNetProgram"/>.</summary>
    public const string AsDotNetProgram = "--sockets";

    public static async Task<int> Main(string[] args)
    {
        if (args is [AsDotNetProgram])
            return await DotNetProgram.RunAsync();
        if (args is not [AsTwins, .. var words])
            return await MicrosoftTestingPlatformApplication.RunAsync(args);

        // As in Program.cs of the CLI.
        using var interrupted = new CancellationTokenSource();
        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = true;
            interrupted.Cancel();
        });
        await using var node = new LocalNode();
        await node.StartAsync();
        var environment = node.Environment(Console.Out, Console.OpenStandardOutput(), Console.Error, Console.OpenStandardError());
        return await CommandTree.RunAsync(environment, words, interrupted.Token);
    }
}

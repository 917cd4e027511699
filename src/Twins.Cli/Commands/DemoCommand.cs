using System.CommandLine;
using Spectre.Console;
using Twins.Cli.Demo;
using Twins.Cli.Output;

namespace Twins.Cli.Commands;

/// <summary><c>twins demo</c>: the main job, start to end, on this machine.</summary>
internal static class DemoCommand
{
    public static Command Create(CliEnvironment environment)
    {
        Command command = new Command("demo",
            "Show it on this machine (Linux, root): a server moves and its client's connection breaks; " +
            "with Twins, redis-server and nginx move home -> host1 -> host2 -> home under load and no client notices " +
            "more than a pause. Less than two minutes; leaves nothing behind").WithJson();
        return command.HandleOnLinux(environment, async (result, cancellation) =>
        {
            CliEnvironment own = environment with { LabDirectory = environment.LabDirectory + "-demo" };
            var state = new DemoState();
            var demo = new TwinsDemo(own, state);
            DemoDocument document = result.WantsJson() || !environment.OutIsTerminal
                ? await TellAsync(result.WantsJson() ? environment.Error : environment.Out, state, demo, cancellation)
                : await ShowAsync(environment.OutConsole(), state, demo, cancellation);
            cancellation.ThrowIfCancellationRequested();
            if (result.WantsJson())
                environment.Out.WriteJson(document, JsonDocuments.Readable.DemoDocument);
            else
                DemoView.Conclude(environment.OutConsole(), document);
            if (!document.Succeeded)
                await environment.Error.WriteLineAsync($"twins: the demo failed: {document.Error}");
            return document.Succeeded ? ExitCode.Done : ExitCode.Failed;
        });
    }

    private static async Task<DemoDocument> TellAsync(
        TextWriter writer, DemoState state, TwinsDemo demo, CancellationToken cancellation)
    {
        state.Said += writer.WriteLine;
        return await demo.RunAsync(cancellation);
    }

    private static async Task<DemoDocument> ShowAsync(
        IAnsiConsole console, DemoState state, TwinsDemo demo, CancellationToken cancellation)
    {
        Task<DemoDocument> work = Task.Run(() => demo.RunAsync(cancellation), CancellationToken.None);
        try
        {
            await DemoView.FollowAsync(console, state, work);
        }
        catch (IOException)
        {
            // The terminal is gone; the demo still comes to its end and cleans up.
        }
        return await work;
    }
}

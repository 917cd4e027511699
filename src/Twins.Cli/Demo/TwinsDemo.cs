using System.ComponentModel;
using Grpc.Core;
using Twins.Cli.Client;
using Twins.Cli.Lab;
using Twins.Cli.Output;

namespace Twins.Cli.Demo;

/// <summary>The whole demo: the problem, then the same with Twins.</summary>
internal sealed class TwinsDemo(CliEnvironment environment, DemoState state)
{
    private static readonly string[] Programs = ["redis-server", "redis-cli", "nginx"];

    /// <summary>Runs the demo. Whatever happens, nothing of it stays on this machine.</summary>
    public async Task<DemoDocument> RunAsync(CancellationToken cancellation)
    {
        TwinsLab.RequireRoot();
        Check();
        WithoutTwinsDocument? without = null;
        List<DemoMoveDocument> moves = [];
        List<DemoClientDocument> clients = [];
        string error = "";
        try
        {
            state.Say("Set-up: four machines, a large file");
            using FileStream only = Lock();
            DemoFiles.RemoveAbandoned();
            using var files = new DemoFiles();
            await using var lab = new DemoLab(environment);
            await files.WriteAsync(cancellation);
            await lab.UpAsync(daemons: true, cancellation);
            state.Say("Without Twins: redis-server moves from home to host1, its client is at work");
            without = await new MoveWithoutTwins(lab, state).RunAsync(cancellation);
            state.Note($"its client: {without.ClientError}");
            state.Say("With Twins: redis-server and nginx start on home");
            await new MovesWithTwins(lab, files, state).RunAsync(moves, clients, cancellation);
            error = clients.FirstOrDefault(client => client.Error.Length > 0) is { } bad
                ? $"the client of {bad.Name} failed: {bad.Error}" : "";
        }
        catch (RpcException failure)
        {
            error = RpcFailure.Explain(failure, environment).Message;
        }
        catch (Exception failure) when (
            failure is CliException or TimeoutException or IOException or UnauthorizedAccessException or Win32Exception)
        {
            error = failure.Message;
        }
        return new DemoDocument(without, moves, clients, error.Length == 0, error);
    }

    // Two demos in one lab directory would take each other's lab down.
    private FileStream Lock()
    {
        try
        {
            return new FileStream(environment.LabDirectory + ".owner", FileMode.OpenOrCreate, FileAccess.ReadWrite,
                FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException failure) when (failure is not DirectoryNotFoundException)
        {
            throw new CliException(ExitCode.Failed, "demo-is-busy", $"another `twins demo` is at work ({failure.Message})", failure);
        }
    }

    private void Check()
    {
        string[] missing = [.. Programs.Where(program => LabTools.Find(program) is null)];
        if (missing.Length > 0)
        {
            throw new CliException(ExitCode.Failed, "programs-missing",
                $"the demo needs {string.Join(", ", missing)}; on Debian: apt install redis-server nginx-light");
        }
        Installation installation = environment.Installation;
        foreach (string file in new[] { installation.Daemon, installation.Criu, installation.Launcher, installation.HookLibrary })
        {
            if (!File.Exists(file))
            {
                throw new CliException(ExitCode.Failed, "not-built",
                    $"{file} isn't there: ./twins at the repository root builds it");
            }
        }
    }
}

using System.Diagnostics;
using System.Globalization;
using Twins.Cli.Demo.Load;
using Twins.Cli.Output;

namespace Twins.Cli.Demo;

/// <summary>The problem: CRIU alone moves redis-server to another machine, and its client loses the connection.</summary>
internal sealed class MoveWithoutTwins(DemoLab lab, DemoState state)
{
    private const string Images = "/tmp/images";
    private const string OutputDirectory = "/var/lib/twins/output";

    public async Task<WithoutTwinsDocument> RunAsync(CancellationToken cancellation)
    {
        string criu = lab.Environment.Installation.Criu;
        int pid = await StartServerAsync(cancellation);
        state.Runs("redis", "home");
        using ClientProcess client = ClientProcess.Start(lab.Environment, lab.Init(DemoLab.Peer), "redis",
            ["redis", "--host", "home", "--port", "6379", "--patience", "3"]);
        state.Clients = [client];
        await client.UntilWorkingAsync(cancellation);
        await Task.Delay(TimeSpan.FromSeconds(1), cancellation);

        state.Phase("redis", "checkpoint");
        long start = Stopwatch.GetTimestamp();
        await lab.RunAsync("home", cancellation, "mkdir", "-p", Images);
        await lab.RunAsync("home", cancellation, criu, "dump", "-t", pid.ToString(CultureInfo.InvariantCulture),
            "-D", Images, "--tcp-established", "--network-lock", "skip");

        state.Phase("redis", "transfer");
        foreach (string directory in new[] { Images, OutputDirectory })
            Copy(lab.PathOn("home", directory), lab.PathOn("host1", directory));

        // Its connections can't come along: they belong to home's address, which host1 doesn't have.
        state.Phase("redis", "restore");
        await lab.RunAsync("host1", cancellation, criu, "restore", "--restore-detached", "--tcp-close", "-D", Images);
        state.Runs("redis", "host1");

        ClientReport end = await client.Ended.WaitAsync(TimeSpan.FromSeconds(60), cancellation);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        string keys = await lab.RunAsync("host1", cancellation, "redis-cli", "dbsize");
        await lab.RunAsync("host1", cancellation, "kill", "-9", pid.ToString(CultureInfo.InvariantCulture));
        state.Runs("redis", "");
        return new WithoutTwinsDocument("redis-server", "home", "host1", end.Error,
            Math.Round(elapsed.TotalMilliseconds), int.Parse(keys, CultureInfo.InvariantCulture));
    }

    private async Task<int> StartServerAsync(CancellationToken cancellation)
    {
        // In the background: the shell prints the program's number and goes.
        string launcher = lab.Environment.Installation.Launcher;
        await lab.RunAsync("home", cancellation, "mkdir", "-p", OutputDirectory);
        string pid = await lab.RunAsync("home", cancellation, "sh", "-c",
            $"cd /tmp; '{launcher}' --stdout {OutputDirectory}/plain.out --stderr {OutputDirectory}/plain.err -- " +
            "redis-server --save '' --port 6379 --protected-mode no >/dev/null 2>&1 & echo $!");
        return int.Parse(pid, CultureInfo.InvariantCulture);
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.EnumerateFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
    }
}

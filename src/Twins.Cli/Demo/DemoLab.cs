using System.Diagnostics;
using System.Globalization;
using Grpc.Net.Client;
using Twins.Cli.Lab;
using Twins.Cli.Processes;
using Twins.Protocol;

namespace Twins.Cli.Demo;

/// <summary>The demo's own lab and how its machines are reached. A lab that the user has up isn't touched.</summary>
internal sealed class DemoLab(CliEnvironment environment) : IAsyncDisposable
{
    public const string Peer = "peer";
    public static readonly string[] Nodes = ["home", "host1", "host2"];

    private readonly TwinsLab _lab = new(environment);
    private readonly Dictionary<string, GrpcChannel> _channels = [];

    public CliEnvironment Environment => environment;

    public async Task UpAsync(bool daemons, CancellationToken cancellation)
    {
        await _lab.DownAsync();
        await _lab.UpAsync(TwinsLab.Plan([Peer], Nodes), daemons, cancellation);
    }

    public ProcessIdentity Init(string machine) => _lab.InitOf(machine);

    /// <summary>A path on a machine, as this machine sees it.</summary>
    public string PathOn(string machine, string path) =>
        string.Create(CultureInfo.InvariantCulture, $"/proc/{Init(machine).Pid}/root{path}");

    /// <summary>The machine's twinsd.</summary>
    public LocalApi.LocalApiClient Client(string machine)
    {
        if (!_channels.TryGetValue(machine, out GrpcChannel? channel))
            _channels[machine] = channel = environment.OpenChannel(PathOn(machine, "/run/twins/twinsd.sock"));
        return new LocalApi.LocalApiClient(channel);
    }

    /// <summary>Runs a program on a machine.</summary>
    /// <returns>What it printed.</returns>
    /// <exception cref="CliException">It failed.</exception>
    public async Task<string> RunAsync(string machine, CancellationToken cancellation, params string[] command)
    {
        ProcessStartInfo start = LabExec.Start(environment, Init(machine), command);
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancellation);
        Task<string> error = process.StandardError.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        return process.ExitCode == 0 ? await output
            : throw new CliException(ExitCode.Failed, "demo-step-failed",
                $"on {machine}: {string.Join(' ', command.Take(6))} ... failed with code {process.ExitCode}: {(await error).Trim()} {(await output).Trim()}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (GrpcChannel channel in _channels.Values)
            channel.Dispose();
        await _lab.DownAsync();
    }
}

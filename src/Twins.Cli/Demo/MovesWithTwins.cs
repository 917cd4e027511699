using Grpc.Core;
using Twins.Cli.Demo.Load;
using Twins.Cli.Output;
using Twins.Protocol;

namespace Twins.Cli.Demo;

/// <summary>nginx and redis-server move home -> host1 -> host2 -> home under load.</summary>
internal sealed class MovesWithTwins(DemoLab lab, DemoFiles files, DemoState state)
{
    private static readonly string[] Programs = ["redis", "nginx"];
    private static readonly string[] Route = ["host1", "host2", "home"];

    // Long enough for a retransmission to come and be counted as silence, if there was one.
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(1500);

    /// <summary>1. Starts the servers under Twins. 2. Starts the clients. 3. Moves each server along the
    /// route, and measures. 4. Lets the clients finish. Moves and clients are added as they are known.</summary>
    public async Task RunAsync(List<DemoMoveDocument> moves, List<DemoClientDocument> clients, CancellationToken cancellation)
    {
        // 1.
        await lab.RunAsync("home", cancellation, "twins", "run", "--detach", "--name", "redis", "--",
            "redis-server", "--save", "", "--port", "6379", "--protected-mode", "no");
        await lab.RunAsync("home", cancellation, "twins", "run", "--detach", "--name", "nginx", "--",
            "nginx", "-e", "stderr", "-p", files.Directory, "-c", files.NginxConfiguration);
        foreach (string program in Programs)
            state.Runs(program, "home");

        // 2.
        using ClientProcess redis = ClientProcess.Start(lab.Environment, lab.Init(DemoLab.Peer), "redis",
            ["redis", "--host", "home", "--port", "6379"]);
        using ClientProcess download = ClientProcess.Start(lab.Environment, lab.Init(DemoLab.Peer), "nginx",
            ["download", "--host", "home", "--port", "8080", "--path", "/large", "--bytes", $"{DemoFiles.DownloadBytes}"]);
        ClientProcess[] running = [redis, download];
        state.Clients = running;
        try
        {
            foreach (ClientProcess client in running)
                await client.UntilWorkingAsync(cancellation);

            // 3.
            string from = "home";
            foreach (string to in Route)
            {
                foreach (ClientProcess client in running)
                    moves.Add(await MoveAsync(client, from, to, cancellation));
                from = to;
            }

            // 4.
            state.Say("The clients finish: each byte is checked");
            foreach (ClientProcess client in running)
                await client.FinishAsync(cancellation);
        }
        finally
        {
            foreach (ClientProcess client in running)
            {
                if (client.Latest is { } report)
                    clients.Add(Describe(client.Program, report));
            }
        }
    }

    private async Task<DemoMoveDocument> MoveAsync(ClientProcess client, string from, string to, CancellationToken cancellation)
    {
        state.Say($"With Twins: {client.Program} moves from {from} to {to}, its client goes on");
        await client.MarkAsync(cancellation);
        MigrationResult result = await MigrateAsync(client.Program, from, to, cancellation);
        state.Runs(client.Program, to);
        await Task.Delay(Settle, cancellation);
        double silence = await client.MarkAsync(cancellation);
        MigrationDocument done = Documents.Of(result);
        state.Note($"{client.Program} moved from {from} to {to}: frozen {done.FrozenMilliseconds:0.0} ms, client's silence {silence:0.0} ms");
        return new DemoMoveDocument(client.Program, from, to, done.Epoch, done.Connections, done.Phases, done.FrozenMilliseconds,
            done.HoldMilliseconds, done.HeldPackets, done.HeldBytes, done.ImageBytes, silence);
    }

    private async Task<MigrationResult> MigrateAsync(string program, string from, string to, CancellationToken cancellation)
    {
        using AsyncServerStreamingCall<MigrationEvent> call = lab.Client(from).Migrate(
            new MigrateRequest { Process = program, Destination = to, Path = "relay" }, cancellationToken: cancellation);
        await foreach (MigrationEvent next in call.ResponseStream.ReadAllAsync(cancellation))
        {
            switch (next.EventCase)
            {
                case MigrationEvent.EventOneofCase.Progress:
                    state.Phase(program, $"{next.Progress.Phase} -> {to}");
                    break;
                case MigrationEvent.EventOneofCase.Result:
                    return next.Result;
                case MigrationEvent.EventOneofCase.Failure:
                    throw new CliException(ExitCode.Failed, next.Failure.Code,
                        $"{program} didn't move from {from} to {to}: {next.Failure.Phase}: {next.Failure.Message}");
            }
        }
        throw new CliException(ExitCode.Failed, "no-result", $"{program} didn't move from {from} to {to}: no result");
    }

    private static DemoClientDocument Describe(string program, ClientReport report) => new(
        program, report.VerifiedBytes, report.Exchanges, report.NewConnections, report.LongestSilenceMilliseconds, report.Error);
}

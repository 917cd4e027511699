using Grpc.Core;
using Twins.Protocol;

namespace Twins.Cli.Tests;

[TestClass]
public sealed class MigrateTests
{
    [TestMethod]
    public async Task FinishedMigration_AsJson_IsTheContractsDocument()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new Migrating(Done()));
        CommandLineResult result = await cli.RunAsync("migrate", "redis", "--to", "host1", "--json");
        Assert.AreEqual(
            """
            {"name":"redis","pid":200123,"from":"home","to":"host1","epoch":2,"path":"relay","connections":3,"phases":[{"name":"preflight","milliseconds":12.5},{"name":"checkpoint","milliseconds":31.25}],"holdMilliseconds":80.125,"heldPackets":7,"heldBytes":4096,"imageBytes":5242880,"frozenMilliseconds":61}

            """, result.Output);
        Assert.AreEqual(0, result.ExitCode);
        Assert.AreEqual("preflight: 12.5 ms\n", result.Error);
    }

    [TestMethod]
    public async Task FinishedMigration_ForPeople_HasEachPhase()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new Migrating(Done()));
        CommandLineResult result = await cli.RunAsync("migrate", "redis", "--to", "host1");
        StringAssert.StartsWith(result.Output, "redis (200123) moved from home to host1; 3 connections, path relay, epoch 2\n");
        StringAssert.Matches(result.Output, new("checkpoint +31.[23] "));
        StringAssert.Contains(result.Output, "frozen 61.0 ms; held 7 packets (4096 bytes) for 80.1 ms; images 5.0 MiB\n");
    }

    [TestMethod]
    public async Task RolledBackMigration_EndsWith3()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new Migrating(Failed(rolledBack: true)));
        CommandLineResult result = await cli.RunAsync("migrate", "redis", "--to", "host1", "--json");
        Assert.AreEqual(new CommandLineResult(3,
            """
            {"error":{"phase":"restore","code":"pid-taken","message":"PID 200123 is taken on host1"},"rolledBack":true}

            """,
            """
            preflight: 12.5 ms
            twins: restore failed: PID 200123 is taken on host1
            Rolled back: the process runs on where it was, with its connections.

            """), result);
    }

    [TestMethod]
    public async Task MigrationNotRolledBack_EndsWith1()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new Migrating(Failed(rolledBack: false)));
        CommandLineResult result = await cli.RunAsync("migrate", "redis", "--to", "host1", "--json");
        Assert.AreEqual(1, result.ExitCode);
        StringAssert.EndsWith(result.Output, "\"rolledBack\":false}\n");
    }

    [TestMethod]
    public async Task TwinsdEndsMeanwhile_SaysInWhichStep_AndThatItSettlesTheMigration()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new Ending());
        CommandLineResult result = await cli.RunAsync("migrate", "redis", "--to", "host1", "--json");
        Assert.AreEqual(5, result.ExitCode);
        StringAssert.StartsWith(result.Output, """{"error":{"phase":"hold","code":"unreachable","message":"hold failed: twinsd on this node ended. It settles the migration when it runs again""");
        StringAssert.Contains(result.Output, "twins show redis tells where");
        StringAssert.StartsWith(result.Error, "twins: hold failed: twinsd on this node ended.");
    }

    [TestMethod]
    public async Task ProcessThatHasEnded_IsNotSaidToRunOn()
    {
        MigrationEvent ended = Failed(rolledBack: true);
        ended.Failure.Code = "process-ended";
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new Migrating(ended));
        CommandLineResult result = await cli.RunAsync("migrate", "redis", "--to", "host1");
        Assert.AreEqual(3, result.ExitCode);
        StringAssert.EndsWith(result.Error, "\nThere is no process any more.\n");
    }

    [TestMethod]
    public async Task StreamWithoutResult_IsAFailure()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new Migrating());
        CommandLineResult result = await cli.RunAsync("migrate", "redis", "--to", "host1", "--json");
        Assert.AreEqual(1, result.ExitCode);
        Assert.AreEqual(
            """
            {"error":{"phase":"request","code":"no-result","message":"twinsd ended the migration without a result; see: twins show redis"},"rolledBack":false}

            """, result.Output);
    }

    [TestMethod]
    public async Task Request_CarriesProcessDestinationAndPath()
    {
        var server = new Migrating(Done());
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(server);
        await cli.RunAsync("migrate", "200123", "--to", "host1", "--path", "direct-return");
        Assert.AreEqual(new MigrateRequest { Process = "200123", Destination = "host1", Path = "direct-return" }, server.Request);
    }

    [TestMethod]
    public async Task Interrupted_AsksForTheRollBackUntilItIsUnderWay_AndTellsTheOutcome()
    {
        var server = new Cancellable();
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(server);
        using var interrupted = new CancellationTokenSource();
        Task<CommandLineResult> running = cli.RunAsync(interrupted.Token, "migrate", "redis", "--to", "host1", "--json");
        await server.Started;
        await interrupted.CancelAsync();
        CommandLineResult result = await running;
        Assert.AreEqual(3, result.ExitCode);
        Assert.AreEqual(2, server.Asked);
        StringAssert.StartsWith(result.Error, "twins: interrupted; rolling back");
        StringAssert.EndsWith(result.Output, "\"rolledBack\":true}\n");
    }

    private static MigrationEvent Done() => new()
    {
        Result = new MigrationResult
        {
            Name = "redis",
            Pid = 200123,
            From = "home",
            To = "host1",
            Epoch = 2,
            Path = "relay",
            Connections = 3,
            Phases =
            {
                new MigrationPhase { Name = "preflight", Milliseconds = 12.5 },
                new MigrationPhase { Name = "checkpoint", Milliseconds = 31.25 },
            },
            HoldMilliseconds = 80.125,
            HeldPackets = 7,
            HeldBytes = 4096,
            ImageBytes = 5242880,
            FrozenMilliseconds = 61,
        },
    };

    private static MigrationEvent Failed(bool rolledBack) => new()
    {
        Failure = new MigrationFailure
        {
            Phase = "restore",
            Code = "pid-taken",
            Message = "PID 200123 is taken on host1",
            RolledBack = rolledBack,
        },
    };

    private sealed class Cancellable : LocalApi.LocalApiBase
    {
        private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Started => _started.Task;

        public int Asked { get; private set; }

        public override async Task Migrate(MigrateRequest request, IServerStreamWriter<MigrationEvent> stream, ServerCallContext context)
        {
            _started.SetResult();
            await _cancelled.Task;
            await stream.WriteAsync(Failed(rolledBack: true));
        }

        public override Task<CancelMigrationReply> CancelMigration(ProcessRequest request, ServerCallContext context)
        {
            // The first one comes before the migration has begun.
            if (++Asked == 2)
                _cancelled.SetResult();
            return Task.FromResult(new CancelMigrationReply { UnderWay = Asked == 2 });
        }
    }

    private sealed class Ending : LocalApi.LocalApiBase
    {
        public override async Task Migrate(MigrateRequest request, IServerStreamWriter<MigrationEvent> stream, ServerCallContext context)
        {
            await stream.WriteAsync(new MigrationEvent { Progress = new MigrationProgress { Phase = "hold" } });
            // As gRPC tells it when the connection ends, but in order behind the message: that could be lost with the connection.
            throw new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "the connection ended"));
        }
    }

    private sealed class Migrating(params MigrationEvent[] last) : LocalApi.LocalApiBase
    {
        public MigrateRequest? Request { get; private set; }

        public override async Task Migrate(MigrateRequest request, IServerStreamWriter<MigrationEvent> stream, ServerCallContext context)
        {
            Request = request;
            await stream.WriteAsync(new MigrationEvent { Progress = new MigrationProgress { Phase = "preflight" } });
            await stream.WriteAsync(new MigrationEvent { Progress = new MigrationProgress { Phase = "preflight", Milliseconds = 12.5 } });
            foreach (MigrationEvent next in last)
                await stream.WriteAsync(next);
        }
    }
}

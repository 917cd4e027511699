using System.Diagnostics;
using Twins.Manager.Checkpoint;
using Twins.Manager.Processes;

namespace Twins.Manager.Tests.Checkpoint;

[TestClass]
public sealed class CriuCheckpointerTests
{
    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public async Task FrozenProcess_Refused_RunsOnWithItsConnections()
    {
        using var network = new TestNetwork();
        using var program = MobileProgram.Python(network, MobileProgram.EchoServer);
        using var client = network.Connect(7000);
        CriuFixture.Echo(client, "before");
        await using var criu = CriuFixture.Create();

        await using (var dump = await criu.BeginDumpAsync(program.Pid, network.NewFolder("images"), network.Home, TestContext.CancellationToken))
        {
            Assert.AreEqual('t', CriuFixture.State(program.Pid));
            client.Send("during"u8);
            await dump.RefuseAsync(TestContext.CancellationToken);
        }

        Assert.AreEqual("during", CriuFixture.Receive(client, 6));
        CriuFixture.Echo(client, "after");
    }

    [TestMethod]
    public async Task FrozenProcess_CompletedAndRestoredElsewhere_KeepsItsConnections()
    {
        using var network = new TestNetwork();
        using var program = MobileProgram.Python(network, MobileProgram.EchoServer);
        using var client = network.Connect(7000);
        CriuFixture.Echo(client, "before");
        await using var criu = CriuFixture.Create();
        var images = network.NewFolder("images");

        criu.Prepare(network.Home);
        criu.Prepare(network.Host);
        var watch = Stopwatch.StartNew();
        await using (var dump = await criu.BeginDumpAsync(program.Pid, images, network.Home, TestContext.CancellationToken))
        {
            TestContext.WriteLine($"post-dump after {watch.Elapsed.TotalMilliseconds:F1} ms, frozen for {Stopwatch.GetElapsedTime(dump.FrozenSince).TotalMilliseconds:F1} ms");
            network.SwitchToHost();
            client.Send("during"u8);
            watch.Restart();
            await dump.CompleteAsync(TestContext.CancellationToken);
            TestContext.WriteLine($"original gone after {watch.Elapsed.TotalMilliseconds:F1} ms");
        }

        CriuFixture.Eventually(() => CriuFixture.State(program.Pid) is null, "the original's number became free");
        watch.Restart();
        await using var restore = await criu.BeginRestoreAsync(images, network.Host, TestContext.CancellationToken);
        TestContext.WriteLine($"post-restore after {watch.Elapsed.TotalMilliseconds:F1} ms");
        program.Track();
        network.OpenHost();
        watch.Restart();
        var exit = await restore.ResumeAsync(TestContext.CancellationToken);
        TestContext.WriteLine($"resumed after {watch.Elapsed.TotalMilliseconds:F1} ms");

        var socket = Shell.Run(network.Host, "ss -tinH state established");
        Assert.Contains(" mss:1448 ", socket, "the segment size is that of the link at once, not 524");
        Assert.AreEqual("during", CriuFixture.Receive(client, 6));
        CriuFixture.Echo(client, "after");
        Assert.AreEqual(program.Pid, restore.Pid);
        using (var handle = ProcessHandle.TryOpen(program.Pid))
            handle!.Signal(15);
        Assert.AreEqual(143, await exit.Exited.WaitAsync(TimeSpan.FromSeconds(10), TestContext.CancellationToken));
        Assert.IsNull(CriuFixture.State(program.Pid), "no zombie is left");
    }

    [TestMethod]
    public async Task Redis_Moved_KeepsDataAndConnection()
    {
        using var network = new TestNetwork();
        using var program = MobileProgram.Start(
            network, $"redis-server --bind 10.98.9.9 --port 7000 --save '' --protected-mode no --dir {network.Folder}", "redis", "Ready to accept");
        using var client = network.Connect(7000);
        client.Send("SET a 1\r\n"u8);
        Assert.AreEqual("+OK\r\n", CriuFixture.Receive(client, 5));

        await MoveAsync(network, program);

        client.Send("GET a\r\n"u8);
        Assert.AreEqual("$1\r\n1\r\n", CriuFixture.Receive(client, 7));
    }

    [TestMethod]
    public async Task MasterAndWorkers_Moved_MoveTogether()
    {
        using var network = new TestNetwork();
        var forking = MobileProgram.EchoServer.Replace("print(\"ready\", flush=True)", "import os\nif os.fork(): os.fork()\nprint(\"ready\", flush=True)", StringComparison.Ordinal);
        using var program = MobileProgram.Python(network, forking);
        CriuFixture.Eventually(() => ProcessTree.ReadPids(program.Pid).Count == 3, "three processes run");
        using var first = network.Connect(7000);
        CriuFixture.Echo(first, "first");
        using var second = network.Connect(7000);
        CriuFixture.Echo(second, "second");
        program.Track();

        var pids = await MoveAsync(network, program);

        Assert.HasCount(3, pids);
        CriuFixture.Echo(first, "first again");
        CriuFixture.Echo(second, "second again");
        using var third = network.Connect(7000);
        CriuFixture.Echo(third, "third");
    }

    private async Task<IReadOnlyList<int>> MoveAsync(TestNetwork network, MobileProgram program)
    {
        await using var criu = CriuFixture.Create();
        var images = network.NewFolder("images");
        await using (var dump = await criu.BeginDumpAsync(program.Pid, images, network.Home, TestContext.CancellationToken))
        {
            network.SwitchToHost();
            await dump.CompleteAsync(TestContext.CancellationToken);
            CriuFixture.Eventually(() => dump.Pids.All(pid => CriuFixture.State(pid) is null), "the numbers became free");
        }

        await using var restore = await criu.BeginRestoreAsync(images, network.Host, TestContext.CancellationToken);
        program.Track();
        network.OpenHost();
        await restore.ResumeAsync(TestContext.CancellationToken);
        return restore.Pids;
    }
}

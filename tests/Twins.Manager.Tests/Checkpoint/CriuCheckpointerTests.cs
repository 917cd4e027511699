using System.Diagnostics;
using Twins.Manager.Checkpoint;

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
            Assert.AreEqual('t', ProcessTree.State(program.Pid));
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

        CriuFixture.Eventually(() => ProcessTree.State(program.Pid) is null, "the original's number became free");
        watch.Restart();
        await using var restore = await criu.BeginRestoreAsync(images, network.Host, TestContext.CancellationToken);
        TestContext.WriteLine($"post-restore after {watch.Elapsed.TotalMilliseconds:F1} ms");
        program.Track();
        network.OpenHost();
        watch.Restart();
        var exit = await restore.ResumeAsync(TestContext.CancellationToken);
        TestContext.WriteLine($"resumed after {watch.Elapsed.TotalMilliseconds:F1} ms");

        TestContext.WriteLine($"state {ProcessTree.State(program.Pid)}, parent {ProcessTree.Parent(program.Pid)}, output: {program.Output}");
        var socket = Shell.Run(network.Host, "ss -tinH state established");
        Assert.Contains(" mss:1448 ", socket, "the segment size is that of the link at once, not 524");
        Assert.AreEqual("during", CriuFixture.Receive(client, 6));
        CriuFixture.Echo(client, "after");
        Assert.AreEqual(program.Pid, restore.Pid);
        using (var handle = ProcessHandle.TryOpen(program.Pid))
            handle!.Signal(15);
        Assert.AreEqual(143, await exit.Exited.WaitAsync(TimeSpan.FromSeconds(10), TestContext.CancellationToken));
        Assert.IsNull(ProcessTree.State(program.Pid), "no zombie is left");
    }
}

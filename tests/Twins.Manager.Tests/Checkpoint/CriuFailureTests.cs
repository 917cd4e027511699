using System.Globalization;
using System.Net.Sockets;
using Twins.Diversion.Linux;
using Twins.Manager.Checkpoint;
using Twins.Manager.Processes;

namespace Twins.Manager.Tests.Checkpoint;

[TestClass]
public sealed class CriuFailureTests
{
    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Cancellation => TestContext.CancellationToken;

    [TestMethod]
    public async Task CriuKilledWhileProcessIsFrozen_Refused_ConnectionGoesOn()
    {
        using var network = new TestNetwork();
        using var program = MobileProgram.Python(network, MobileProgram.EchoServer);
        using var client = network.Connect(7000);
        await using var criu = CriuFixture.Create();
        await using var dump = await criu.BeginDumpAsync(program.Pid, network.NewFolder("images"), network.Home, Cancellation);

        KillTracer(program.Pid);
        await dump.Lost.WaitAsync(TimeSpan.FromSeconds(10), Cancellation);
        CriuFixture.Eventually(() => CriuFixture.State(program.Pid) == 'T', "the process stays stopped");
        await dump.RefuseAsync(Cancellation);

        CriuFixture.Echo(client, "after");
    }

    [TestMethod]
    public async Task NobodyLeftToDecide_NewGuardOnStoppedProcess_LetsItRun()
    {
        using var network = new TestNetwork();
        using var program = MobileProgram.Python(network, MobileProgram.EchoServer);
        using var client = network.Connect(7000);
        await using var criu = CriuFixture.Create();
        await using var dump = await criu.BeginDumpAsync(program.Pid, network.NewFolder("images"), network.Home, Cancellation);

        KillTracer(program.Pid);
        CriuFixture.Eventually(() => CriuFixture.State(program.Pid) == 'T', "the process stays stopped");
        using var guard = FreezeGuard.Set(ProcessTree.ReadPids(program.Pid));
        guard.RunHere();

        CriuFixture.Echo(client, "after");
    }

    [TestMethod]
    public async Task CriuKilledWhileProcessIsFrozen_Completed_PeerHearsNothingAndRestoreWorks()
    {
        using var network = new TestNetwork();
        using var program = MobileProgram.Python(network, MobileProgram.EchoServer);
        using var client = network.Connect(7000);
        await using var criu = CriuFixture.Create();
        var images = network.NewFolder("images");
        await using var dump = await criu.BeginDumpAsync(program.Pid, images, network.Home, Cancellation);
        CountOutput(network.Home);

        KillTracer(program.Pid);
        await dump.Lost.WaitAsync(TimeSpan.FromSeconds(10), Cancellation);
        await dump.CompleteAsync(Cancellation);

        Assert.AreEqual(0, Output(network.Home));
        CriuFixture.Eventually(() => CriuFixture.State(program.Pid) is null, "the number is free");
        network.SwitchToHost();
        await using var restore = await criu.BeginRestoreAsync(images, network.Host, Cancellation);
        program.Track();
        network.OpenHost();
        await restore.ResumeAsync(Cancellation);
        CriuFixture.Echo(client, "after");
    }

    [TestMethod]
    public async Task PendingRestore_Abandoned_IsGoneAndHasSentNothing()
    {
        using var network = new TestNetwork();
        using var program = MobileProgram.Python(network, MobileProgram.EchoServer);
        using var client = network.Connect(7000);
        CriuFixture.Echo(client, "before");
        await using var criu = CriuFixture.Create();
        var images = network.NewFolder("images");
        await using (var dump = await criu.BeginDumpAsync(program.Pid, images, network.Home, Cancellation))
        {
            network.SwitchToHost();
            await dump.CompleteAsync(Cancellation);
        }

        CriuFixture.Eventually(() => CriuFixture.State(program.Pid) is null, "the number is free");
        CountOutput(network.Host);
        await using (var restore = await criu.BeginRestoreAsync(images, network.Host, Cancellation))
            await restore.AbandonAsync(Cancellation);

        Assert.AreEqual(0, Output(network.Host));
        Assert.IsNull(CriuFixture.State(program.Pid), "nothing of it is left");

        await using var again = await criu.BeginRestoreAsync(images, network.Host, Cancellation);
        program.Track();
        network.OpenHost();
        await again.ResumeAsync(Cancellation);
        CriuFixture.Echo(client, "after");
    }

    [TestMethod]
    public async Task CriuKilledWhileItHasAChild_RestoreFails_ChildIsGoneToo()
    {
        using var network = new TestNetwork();
        using var program = MobileProgram.Python(network, MobileProgram.EchoServer);
        await using var criu = CriuFixture.Create();
        var images = network.NewFolder("images");
        await using (var dump = await criu.BeginDumpAsync(program.Pid, images, network.Home, Cancellation))
            await dump.CompleteAsync(Cancellation);
        CriuFixture.Eventually(() => CriuFixture.State(program.Pid) is null, "the number is free");

        // The child lives for about a millisecond: some of the attempts meet it.
        for (var attempt = 0; attempt < 50; attempt++)
        {
            criu.Prepare(network.Host);
            using var worker = ProcessHandle.TryOpen(ChildIn(network.Host))!;
            var restore = criu.BeginRestoreAsync(images, network.Host, Cancellation);
            using (var children = File.OpenHandle($"/proc/{worker.Pid}/task/{worker.Pid}/children"))
            {
                while (!restore.IsCompleted && RandomAccess.Read(children, new byte[1], 0) == 0)
                {
                }
            }

            worker.Signal(9);
            try
            {
                await (await restore).DisposeAsync();
            }
            catch (CheckpointException e)
            {
                Assert.AreEqual("criu-died", e.Code, e.Message);
            }

            var left = Running(stat => stat.ProcessGroup == worker.Pid);
            try
            {
                CriuFixture.Eventually(() => left.TrueForAll(pid => CriuFixture.State(pid) is null or 'Z'), $"CRIU's children are gone, attempt {attempt}");
            }
            finally
            {
                left.ForEach(pid => ProcessHandle.TryOpen(pid)?.Signal(9));
            }
        }
    }

    [TestMethod]
    public async Task Restore_NumberInUse_SaysPidTaken()
    {
        using var network = new TestNetwork();
        using var program = MobileProgram.Python(network, MobileProgram.EchoServer);
        await using var criu = CriuFixture.Create();
        var images = network.NewFolder("images");
        await using (await criu.BeginDumpAsync(program.Pid, images, network.Home, Cancellation))
        {
            // Disposed undecided: it runs on.
        }

        var failure = await Assert.ThrowsExactlyAsync<CheckpointException>(() => criu.BeginRestoreAsync(images, network.Host, Cancellation));

        Assert.AreEqual("pid-taken", failure.Code);
        using var client = network.Connect(7000);
        CriuFixture.Echo(client, "runs on");
    }

    [TestMethod]
    public async Task Restore_OpenFileNotThere_SaysFileMissing()
    {
        using var network = new TestNetwork();
        var data = Path.Combine(network.Folder, "data");
        File.WriteAllText(data, "x");
        using var program = MobileProgram.Python(network, $"f = open('{data}')\n" + MobileProgram.EchoServer);
        await using var criu = CriuFixture.Create();
        var images = network.NewFolder("images");
        await using (var dump = await criu.BeginDumpAsync(program.Pid, images, network.Home, Cancellation))
            await dump.CompleteAsync(Cancellation);
        CriuFixture.Eventually(() => CriuFixture.State(program.Pid) is null, "the number is free");
        File.Delete(data);

        var failure = await Assert.ThrowsExactlyAsync<CheckpointException>(() => criu.BeginRestoreAsync(images, network.Host, Cancellation));

        Assert.AreEqual("file-missing", failure.Code, failure.Message);
        Assert.Contains("data", failure.Message);
        Assert.IsNull(CriuFixture.State(program.Pid), "nothing of it is left");
    }

    [TestMethod]
    public async Task Dump_ImagesDoNotFit_SaysDiskFullAndProcessRunsOn()
    {
        using var network = new TestNetwork();
        using var program = MobileProgram.Python(network, MobileProgram.EchoServer);
        using var client = network.Connect(7000);
        await using var criu = CriuFixture.Create();
        var images = network.NewFolder("images");
        Shell.Run(null, $"mount -t tmpfs -o size=256k tiny {images}");
        try
        {
            var failure = await Assert.ThrowsExactlyAsync<CheckpointException>(() => criu.BeginDumpAsync(program.Pid, images, network.Home, Cancellation));

            Assert.AreEqual("disk-full", failure.Code, failure.Message);
            CriuFixture.Echo(client, "runs on");
        }
        finally
        {
            Shell.Run(null, $"umount {images}");
        }
    }

    [TestMethod]
    public async Task Dump_ConnectionNotAccepted_SaysInFlightConnectionsAndProcessRunsOn()
    {
        using var network = new TestNetwork();
        using var program = MobileProgram.Python(network, MobileProgram.EchoServer);
        using var client = network.Connect(7000);
        CriuFixture.Echo(client, "served");
        using var waiting = network.Connect(7000);
        await using var criu = CriuFixture.Create();

        var failure = await Assert.ThrowsExactlyAsync<CheckpointException>(
            () => criu.BeginDumpAsync(program.Pid, network.NewFolder("images"), network.Home, Cancellation));

        Assert.AreEqual("in-flight-connections", failure.Code, failure.Message);
        CriuFixture.Echo(client, "runs on");
        client.Shutdown(SocketShutdown.Both);
        client.Dispose();
        CriuFixture.Echo(waiting, "is served");
    }

    [TestMethod]
    public async Task Dump_NoCriu_SaysCriuMissing()
    {
        await using var criu = new CriuCheckpointer("/nonexistent/criu");

        var failure = await Assert.ThrowsExactlyAsync<CheckpointException>(
            () => criu.BeginDumpAsync(Environment.ProcessId, "/tmp", null, Cancellation));

        Assert.AreEqual("criu-missing", failure.Code);
    }

    [TestMethod]
    public async Task Probe_ThisMachine_MovesAConnectionAndRemembersIt()
    {
        var folder = Directory.CreateTempSubdirectory("twins-probe-").FullName;
        try
        {
            var probe = new CriuProbe(CriuFixture.Path, folder, folder);

            var first = await probe.RunAsync(Cancellation);
            var second = await probe.RunAsync(Cancellation);

            Assert.IsTrue(first.Works, first.Message);
            Assert.AreEqual(first, second);
            Assert.IsTrue(File.Exists(Path.Combine(folder, "criu-probe.json")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public async Task Version_OfTheBuiltCriu_IsAtLeast42()
    {
        await using var criu = CriuFixture.Create();
        Assert.IsGreaterThanOrEqualTo(new Version(4, 2), await criu.GetVersionAsync(Cancellation));
    }

    // On the wire only: criu tries out kernel features on the loopback.
    private static void CountOutput(string networkNamespace) =>
        Shell.Run(networkNamespace, "iptables -w -A OUTPUT -o e -p tcp");

    private static int Output(string networkNamespace)
    {
        var rule = Shell.Run(networkNamespace, "iptables -w -nvxL OUTPUT").Split('\n')[2];
        return int.Parse(rule.Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture);
    }

    /// <summary>The one child of this program in a network namespace.</summary>
    private static int ChildIn(string networkNamespace)
    {
        var inode = NetworkNamespace.Run(networkNamespace, () => new FileInfo("/proc/thread-self/ns/net").LinkTarget);
        return Running(stat => stat.ParentPid == Environment.ProcessId).Single(pid => new FileInfo($"/proc/{pid}/ns/net").LinkTarget == inode);
    }

    private static List<int> Running(Func<ProcessStat, bool> which) => [.. Directory.EnumerateDirectories("/proc")
        .Select(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var pid) ? pid : 0)
        .Where(pid => pid != 0 && ProcessStat.TryRead(pid, out var stat) && !stat.IsEnding && which(stat))];

    private static void KillTracer(int pid)
    {
        var tracer = File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith("TracerPid:", StringComparison.Ordinal));
        using var criu = ProcessHandle.TryOpen(int.Parse(tracer["TracerPid:".Length..], CultureInfo.InvariantCulture));
        criu!.Signal(9);
    }
}

using System.Net.Sockets;
using Twins.Manager.Checkpoint;

namespace Twins.Manager.Tests.Checkpoint;

[TestClass]
public sealed class UrgentDataTests
{
    // SOL_SOCKET, SO_OOBINLINE, 1
    private const string ReadInStream = "set connection 1 10 01000000";

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public async Task UrgentOctet_NotRead_RefusesTheDumpAndIsStillThere()
    {
        using var network = new TestNetwork();
        using var program = new SocketProgram(network);
        SendUrgent(program);

        await AssertRefusedAsync(network, program);

        Assert.AreEqual("!", program.Ask("urgent connection"));
        Assert.AreEqual("before", program.Ask("read connection 100"));
        Assert.AreEqual("after", program.Ask("read connection 100"));
        await AssertDumpedAsync(network, program);
    }

    [TestMethod]
    public async Task UrgentOctet_ReadAheadOfTheRest_RefusesTheDumpAndTheRestIsStillThere()
    {
        using var network = new TestNetwork();
        using var program = new SocketProgram(network);
        SendUrgent(program);
        Assert.AreEqual("!", program.Ask("urgent connection"));

        await AssertRefusedAsync(network, program);

        Assert.AreEqual("00000000", program.Ask("get connection 1 10 4"), "SO_OOBINLINE is off as before");
        Assert.AreEqual("before", program.Ask("read connection 100"));
        Assert.AreEqual("after", program.Ask("read connection 100"));
        await AssertDumpedAsync(network, program);
    }

    [TestMethod]
    public async Task UrgentOctet_InTheStream_RefusesTheDumpAndIsStillThere()
    {
        using var network = new TestNetwork();
        using var program = new SocketProgram(network);
        Assert.AreEqual("ok", program.Ask(ReadInStream));
        SendUrgent(program);

        await AssertRefusedAsync(network, program);

        Assert.AreEqual("before", program.Ask("read connection 100"));
        Assert.AreEqual("!after", program.Ask("read connection 100"));
        await AssertDumpedAsync(network, program);
    }

    /// <summary>All has arrived when this returns.</summary>
    private static void SendUrgent(SocketProgram program)
    {
        program.Connection.Send("before"u8);
        program.Connection.Send("!"u8, SocketFlags.OutOfBand);
        program.Connection.Send("after"u8);
        // TCP_INFO, whose octets 128 to 135 are tcpi_bytes_received (linux/tcp.h).
        CriuFixture.Eventually(() => program.Ask("get connection 6 11 136")[256..272] == "0c00000000000000", "all has arrived");
    }

    private async Task AssertRefusedAsync(TestNetwork network, SocketProgram program)
    {
        await using var criu = CriuFixture.Create();
        var failure = await Assert.ThrowsExactlyAsync<CheckpointException>(
            () => criu.BeginDumpAsync(program.Program.Pid, network.NewFolder("refused"), network.Home, TestContext.CancellationToken));
        Assert.AreEqual("urgent-data", failure.Code);
        Assert.AreEqual("checkpoint", failure.Phase);
        Assert.Contains("Let the program read it, then try again.", failure.Message);
    }

    private async Task AssertDumpedAsync(TestNetwork network, SocketProgram program)
    {
        await using var criu = CriuFixture.Create();
        await using var dump = await criu.BeginDumpAsync(program.Program.Pid, network.NewFolder("dumped"), network.Home, TestContext.CancellationToken);
        await dump.RefuseAsync(TestContext.CancellationToken);
    }
}

using System.Globalization;
using System.Net.Sockets;
using Twins.Diversion.Linux;

namespace Twins.Manager.Tests.Checkpoint;

/// <summary>Connections whose peer has sent its end, and whose window is closed.</summary>
[TestClass]
public sealed class PeersEndTests
{
    // Sends until nothing more is taken, and reads nothing.
    private const string Talker = """
        import select, socket, time
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("10.98.9.9", 7000))
        s.listen(16)
        print("ready", flush=True)
        c, _ = s.accept()
        c.setblocking(False)
        sent = 0
        while select.select([], [c], [], 0.5)[1]:
            sent += c.send(b"x" * 1000)
        print("sent", sent, flush=True)
        time.sleep(600)
        """;

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public async Task PeerThatSentItsEnd_WithItsWindowClosed_IsSentNothingByTheRestoredSocketUntilItOpens()
    {
        using var network = new TestNetwork();
        using var program = MobileProgram.Python(network, Talker);
        using var client = NetworkNamespace.Run(network.Peer, () =>
        {
            // Small, so that it is closed soon; and so is the window of the first segment.
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 10_000, ReceiveBufferSize = 8192 };
            socket.Connect(TestNetwork.ProgramAddress, 7000);
            return socket;
        });
        // What it has unread makes the program's own window something else than a multiple of 65536.
        client.Send(new byte[30000]);
        CriuFixture.Eventually(() => program.Output.Contains("sent ", StringComparison.Ordinal), "the program can't send any more");
        // The peer's end is the last that the program hears.
        Shell.Run(network.Peer, "iptables -w -A INPUT -p tcp --sport 7000 -j DROP");
        client.Shutdown(SocketShutdown.Send);
        CriuFixture.Eventually(() => Shell.Run(network.Home, "ss -tnH state close-wait").Length > 0, "the peer's end arrives");
        await using var criu = CriuFixture.Create();
        var images = network.NewFolder("images");

        await using (var dump = await criu.BeginDumpAsync(program.Pid, images, network.Home, TestContext.CancellationToken))
        {
            network.SwitchToHost();
            await dump.CompleteAsync(TestContext.CancellationToken);
        }

        CriuFixture.Eventually(() => CriuFixture.State(program.Pid) is null, "the original's number became free");
        await using var restore = await criu.BeginRestoreAsync(images, network.Host, TestContext.CancellationToken);
        program.Track();
        network.OpenHost();
        await restore.ResumeAsync(TestContext.CancellationToken);

        var socket = Shell.Run(network.Host, "ss -tinH state close-wait");
        Assert.Contains(" notsent:", socket, "it has something to send");
        Assert.DoesNotContain(" unacked:", socket, "it has sent it");
        Shell.Run(network.Peer, "iptables -w -D INPUT -p tcp --sport 7000 -j DROP");
        var sent = int.Parse(program.Output.Split("sent ")[1], CultureInfo.InvariantCulture);
        var received = 0;
        for (var buffer = new byte[65536]; received < sent;)
            received += client.Receive(buffer);
        Assert.AreEqual(sent, received);
    }
}

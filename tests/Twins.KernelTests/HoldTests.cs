using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary><c>twins hold</c> and <c>twins release</c>, for other people's migrators.</summary>
[TestClass]
public sealed class HoldTests : LabTest
{
    [TestMethod]
    public void HeldProcess_Released_GetsAllThatWasSentToIt()
    {
        MobileProcess server = StartServer();
        CheckedClient client = Talk("10.77.0.2:7000", "--connections", "4", "--rate", "100").WaitUntilReady();
        client.AssertGoesOn();
        PeerCounters before = PeerCounters.Read(Peer);
        Home.Exec(Repository.Cli, "hold", server.Name).Succeeded();
        Eventually.Holds(() => Show(server).GetProperty("heldPackets").GetInt64() > 0, () => $"packets are held: {Show(server)}");
        Assert.AreEqual("held", Show(server).GetProperty("state").GetString());
        Home.Exec(Repository.Cli, "release", server.Name).Succeeded();
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        AssertNothingIsLeft();
        client.Finish();
    }

    [TestMethod]
    public void HeldProcess_Released_AnswersWhatItIsGiven_AndTheAnswerGetsThrough()
    {
        MobileProcess server = StartServer();
        BackgroundProgram client = Start(Peer, "python3", "-c", """
            import os, socket, time
            s = socket.create_connection(('10.77.0.2', 7000))
            print('connected', flush=True)
            while not os.path.exists('/tmp/ask'): time.sleep(0.01)
            s.sendall(b'x')
            print('answered', s.recv(1), flush=True)
            time.sleep(600)
            """);
        client.WaitFor("connected");
        Home.Exec(Repository.Cli, "hold", server.Name).Succeeded();
        Peer.Shell("touch /tmp/ask");
        try
        {
            Eventually.Holds(() => Show(server).GetProperty("heldPackets").GetInt64() > 0, () => $"the question is held: {Show(server)}");
            Home.Exec(Repository.Cli, "release", server.Name).Succeeded();
            client.WaitFor("answered");
        }
        finally
        {
            Peer.Shell("rm /tmp/ask");
        }

        // One that was dropped the server's kernel would have said again.
        Assert.DoesNotContain("retrans:", Home.Shell("ss -Htin state established 'sport = :7000'"));
    }

    [TestMethod]
    public void HoldQueue_Overflows_DropsAreCountedAndTheConnectionsSurvive()
    {
        const int Limit = 65536;
        Configure(Home, $$"""{"holdLimitBytes": {{Limit}}}""");
        try
        {
            MobileProcess server = StartServer();
            CheckedClient client = Talk("10.77.0.2:7000", "--connections", "50", "--rate", "0", "--size", "1000").WaitUntilReady();
            client.AssertGoesOn();
            PeerCounters before = PeerCounters.Read(Peer);
            Home.Exec(Repository.Cli, "hold", server.Name).Succeeded();
            JsonElement shown = Eventually.Reads(() => Show(server),
                now => now.GetProperty("drops").EnumerateObject().Any(drop => drop.Name == "HoldFull" && drop.Value.GetInt64() > 0),
                "drops of a full hold queue are counted");
            Assert.IsLessThanOrEqualTo(Limit, shown.GetProperty("heldBytes").GetInt64(), shown.ToString());
            Home.Exec(Repository.Cli, "release", server.Name).Succeeded();
            client.AssertGoesOn();
            before.AssertNothingEnded(PeerCounters.Read(Peer));
            client.Finish();
        }
        finally
        {
            Configure(Home, "{}");
        }
    }

    [TestMethod]
    public void TwoProcessesOfOneTwin_HoldWithinOneLimit_AndEachHasItsShare()
    {
        const int Limit = 65536;
        Configure(Home, $$"""{"holdLimitBytes": {{Limit}}}""");
        try
        {
            MobileProcess[] servers = [StartServer("echo", 7000), StartServer("echo2", 7001)];
            CheckedClient[] clients = [.. ((int[])[7000, 7001]).Select(port =>
                Talk($"10.77.0.2:{port}", "--connections", "50", "--rate", "0", "--size", "1000").WaitUntilReady())];
            PeerCounters before = PeerCounters.Read(Peer);

            // The first has filled the twin when the second begins.
            foreach (MobileProcess server in servers)
            {
                Home.Exec(Repository.Cli, "hold", server.Name).Succeeded();
                Eventually.Holds(() => Show(server).GetProperty("drops").TryGetProperty("HoldFull", out _), () => $"drops of a full twin: {Show(server)}");
            }

            JsonElement[] shown = [.. servers.Select(Show)];
            Assert.AreEqual(shown[0].GetProperty("twinPid").GetInt32(), shown[1].GetProperty("twinPid").GetInt32());
            Assert.IsLessThanOrEqualTo(Limit, shown.Sum(one => one.GetProperty("heldBytes").GetInt64()), $"{shown[0]} {shown[1]}");
            foreach (JsonElement one in shown)
                Assert.IsGreaterThan(Limit / 4, one.GetProperty("heldBytes").GetInt64(), $"{shown[0]} {shown[1]}");
            foreach (MobileProcess server in servers)
                Home.Exec(Repository.Cli, "release", server.Name).Succeeded();
            foreach (CheckedClient client in clients)
                client.AssertGoesOn();
            before.AssertNothingEnded(PeerCounters.Read(Peer));
            foreach (CheckedClient client in clients)
                client.Finish();
        }
        finally
        {
            Configure(Home, "{}");
        }
    }

    private static JsonElement Show(MobileProcess server) => Home.Twins("show", server.Name).Exits(0).Document;

    private MobileProcess StartServer(string name = "echo", int port = 7000)
    {
        MobileProcess server = RunMobile(Home, name, "python3", Repository.Rig("traffic.py"), "serve", $"{port}");
        WaitForListener(Home, port);
        return server;
    }
}

using System.Net;
using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>A whole Windows node, under Wine (tests/rigs/winnode): a Windows server is held and released under traffic.</summary>
[TestClass]
[DoNotParallelize] // one Wine for all
public sealed class WindowsNodeTests : WindowsNodeTest
{

    private protected override WindowsNode StartNode() => WindowsNode.Start(Host2);

    [TestMethod]
    public void Server_HeldAndReleased_OldAndNewConnectionsGoOn()
    {
        CheckedClient client = StartServer();
        PeerCounters before = PeerCounters.Read(Peer);
        for (int round = 0; round < 3; round++)
        {
            Hold();
            CheckedClient late = Talk("10.77.0.4:7000", "--connections", "2", "--rate", "50");
            Release();
            client.AssertGoesOn();
            late.WaitUntilReady().AssertGoesOn();
            late.Finish();
        }

        before.AssertNothingBroken(PeerCounters.Read(Peer));
        client.Finish();
    }

    [TestMethod]
    public void TwinKilled_WhileItHolds_AnotherHolds_AndTheConnectionsGoOn()
    {
        CheckedClient client = StartServer();
        PeerCounters before = PeerCounters.Read(Peer);
        Hold();
        int twin = Node.Show("echo").GetProperty("twinPid").GetInt32();
        Node.KillTwins();
        Eventually.Reads(() => Node.Show("echo"), shown => shown.GetProperty("twinPid").GetInt32() is > 0 and var now && now != twin && HeldPackets(shown) > 0, "another twin holds");
        Release();
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();
    }

    [TestMethod]
    public void TwinStuck_WhileItHolds_AnotherHolds_AndTheConnectionsGoOn()
    {
        CheckedClient client = StartServer();
        PeerCounters before = PeerCounters.Read(Peer);
        Hold();
        int twin = Node.Show("echo").GetProperty("twinPid").GetInt32();
        Node.StopTwins();
        Eventually.Reads(() => Node.Show("echo"), shown => shown.GetProperty("twinPid").GetInt32() is > 0 and var now && now != twin && HeldPackets(shown) > 0, "another twin holds",
            TimeSpan.FromSeconds(60));
        Release();
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();
    }

    [TestMethod]
    public void ManagerKilled_WhileItHolds_ItIsHeldStill_AndTheConnectionsGoOn()
    {
        CheckedClient client = StartServer();
        PeerCounters before = PeerCounters.Read(Peer);
        Hold();
        int twin = Node.Show("echo").GetProperty("twinPid").GetInt32();
        Node.RestartDaemon();
        Assert.AreEqual("held", Node.Show("echo").GetProperty("state").GetString());
        Assert.AreEqual(twin, Node.Show("echo").GetProperty("twinPid").GetInt32(), "the twin lives on");
        Release();
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();
    }

    [TestMethod]
    public void SocketsOfAMobileProcess_AreToldByTheDriver_AndNobodyElses()
    {
        Assert.Contains("isn't asked", SocketEvents());
        int pid = Node.Run("quiet", "ping.exe", "-n", "600", "127.0.0.1");
        Eventually.Holds(() => SocketEvents().Contains("told of 0 ", StringComparison.Ordinal), "the driver is asked");
        Node.TellOfAccepted(pid + 4, IPEndPoint.Parse("10.77.0.4:7000"), IPEndPoint.Parse("10.77.0.1:40000"));
        Node.TellOfAccepted(pid, IPEndPoint.Parse("10.77.0.4:7000"), IPEndPoint.Parse("10.77.0.1:40001"));
        Eventually.Holds(() => SocketEvents().Contains("told of 1 ", StringComparison.Ordinal), SocketEvents);
        Node.StopBridge();
        Eventually.Holds(() => SocketEvents().Contains("doesn't tell of the sockets", StringComparison.Ordinal), SocketEvents);
    }

    private string SocketEvents() => Node.Twins("doctor").Document.EnumerateArray()
        .Single(row => row.GetProperty("check").GetString() == "socket-events").GetProperty("detail").GetString()!;

    private static long HeldPackets(JsonElement shown) => shown.GetProperty("heldPackets").GetInt64();

    private CheckedClient StartServer()
    {
        int pid = Node.Run("echo", WindowsNode.Program("echo.exe"), "7000");
        Eventually.Reads(() => Node.Show("echo"), shown => shown.GetProperty("endpoints").EnumerateArray().Any(e => e.GetProperty("role").GetString() == "listener"), "it listens");
        Assert.AreEqual(pid, Node.Show("echo").GetProperty("pid").GetInt32());
        CheckedClient client = Talk("10.77.0.4:7000", "--connections", "4", "--rate", "200").WaitUntilReady();
        client.AssertGoesOn();
        return client;
    }

    /// <summary>Until packets are being held.</summary>
    private void Hold()
    {
        Node.Twins("hold", "echo").Exits(0);
        Eventually.Reads(() => Node.Show("echo"), shown => shown.GetProperty("state").GetString() == "held" && HeldPackets(shown) > 0, "its packets are held");
    }

    private void Release()
    {
        Node.Twins("release", "echo").Exits(0);
        Eventually.Reads(() => Node.Show("echo"), shown => shown.GetProperty("state").GetString() == "running", "it runs");
    }
}

using System.Globalization;
using System.Text.RegularExpressions;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>Many connections, many listeners, many processes.</summary>
[TestClass]
public sealed partial class ManyEndpointsTests : LabTest
{
    [TestMethod]
    public void ThreeHundredConnections_MoveTogether_AndReturnHome()
    {
        MobileProcess server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        CheckedClient client = Talk("10.77.0.2:7000", "--connections", "300", "--rate", "5").WaitUntilReady();
        client.AssertGoesOn();
        PeerCounters before = PeerCounters.Read(Peer);
        foreach (Machine destination in new[] { Host1, Host2, Home })
        {
            Assert.AreEqual(300, server.MigrateTo(destination).GetProperty("connections").GetInt32());
            client.AssertGoesOn();
            before.AssertNothingEnded(PeerCounters.Read(Peer));
        }
        AssertNothingIsLeft();
        client.Finish();
    }

    [TestMethod]
    public void ProcessWithTwoListenersAndOutgoingConnections_Moves_AllGoOn()
    {
        var answering = new CheckedClient(Start(Peer, "python3", Repository.Rig("traffic.py"), "answer", "7100", "--seconds", "600"));
        answering.WaitUntilReady();
        MobileProcess server = RunMobile(Home, "mixed", "python3", Repository.Rig("mixed.py"), "7000", "7001", "10.77.0.1:7100", "3");
        WaitForListener(Home, 7001);
        CheckedClient first = Talk("10.77.0.2:7000", "--connections", "3").WaitUntilReady();
        CheckedClient second = Talk("10.77.0.2:7001", "--connections", "2").WaitUntilReady();
        CheckedClient[] clients = [answering, first, second];
        PeerCounters before = PeerCounters.Read(Peer);
        int connections = 8;
        foreach (Machine destination in new[] { Host1, Host2, Home })
        {
            Assert.AreEqual(connections, server.MigrateTo(destination).GetProperty("connections").GetInt32());
            // One more on each listener, where it is now.
            clients = [.. clients, Talk("10.77.0.2:7000").WaitUntilReady(), Talk("10.77.0.2:7001").WaitUntilReady()];
            connections += 2;
            foreach (CheckedClient client in clients)
                client.AssertGoesOn();
            before.AssertNothingEnded(PeerCounters.Read(Peer));
        }
        AssertNothingIsLeft();
        foreach (CheckedClient client in clients)
            client.Finish();
    }

    [TestMethod]
    public void RedirectPortsAreUsedUp_ANewConnectionIsRefused_AndOpensOnceOneIsGivenBack()
    {
        Configure(Home, """{"firstRedirectPort":61000,"lastRedirectPort":61000}""");
        try
        {
            MobileProcess server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
            WaitForListener(Home, 7000);
            CheckedClient first = Talk("10.77.0.2:7000").WaitUntilReady();
            server.MigrateTo(Host1);
            first.AssertGoesOn();
            Assert.Contains("timed out", ConnectFromPort20000().Error, "the only port is in use");
            first.Finish();
            // The very same connection: each attempt is from the same port.
            Eventually.Reads(ConnectFromPort20000, attempt => attempt.ExitCode == 0, "home opens a leg for it");
            server.MigrateTo(Home);
        }
        finally
        {
            Configure(Home, "{}");
        }
    }

    [TestMethod]
    public void TwoProcessesBehindOneTwin_OnlyOneMoves_BothGoOn()
    {
        MobileProcess moving = RunMobile(Home, "moving", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        MobileProcess staying = RunMobile(Home, "staying", "python3", Repository.Rig("traffic.py"), "serve", "7001");
        WaitForListener(Home, 7000);
        WaitForListener(Home, 7001);
        CheckedClient toMoving = Talk("10.77.0.2:7000", "--connections", "3").WaitUntilReady();
        CheckedClient toStaying = Talk("10.77.0.2:7001", "--connections", "3").WaitUntilReady();
        PeerCounters before = PeerCounters.Read(Peer);
        Assert.AreEqual(TwinOf(moving), TwinOf(staying), "both have the same twin");
        moving.MigrateTo(Host1);
        AssertAllGoOn();
        AssertEverywhere(staying, epoch: 1);
        staying.MigrateTo(Host2);
        AssertAllGoOn();
        moving.MigrateTo(Home);
        AssertAllGoOn();
        staying.MigrateTo(Home);
        AssertAllGoOn();
        AssertNothingIsLeft();
        toMoving.Finish();
        toStaying.Finish();

        void AssertAllGoOn()
        {
            toMoving.AssertGoesOn();
            toStaying.AssertGoesOn();
            before.AssertNothingEnded(PeerCounters.Read(Peer));
        }
    }

    [TestMethod]
    public void Connection_AfterEachMove_SendsSegmentsOfTheSizeItHad()
    {
        MobileProcess server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        CheckedClient client = Talk("10.77.0.2:7000", "--rate", "200", "--size", "5000").WaitUntilReady();
        client.AssertGoesOn();
        Assert.AreEqual(1448, SegmentSize(server));
        foreach (Machine destination in new[] { Host1, Host2, Home })
        {
            server.MigrateTo(destination);
            client.AssertGoesOn();
            Assert.AreEqual(1448, SegmentSize(server), $"on {destination.Name}");
        }
        client.Finish();
    }

    private static int TwinOf(MobileProcess process) =>
        Home.Twins("show", process.Name).Exits(0).Document.GetProperty("twinPid").GetInt32();

    /// <summary>What ss(8) calls mss, of the process's only connection, in the network that it sees.</summary>
    private static int SegmentSize(MobileProcess process)
    {
        string sockets = process.Node.Shell(string.Create(CultureInfo.InvariantCulture,
            $"nsenter --net=/proc/{process.Pid}/ns/net ss -Htin state established 'sport = :7000'"));
        Match match = Mss().Match(sockets);
        Assert.IsTrue(match.Success, sockets);
        return int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"\bmss:(\d+)")]
    private static partial Regex Mss();

    // No port that the kernel gives to other connections, some of which stay in TIME-WAIT from earlier tests.
    // It ends with RST: after FINs the port would be taken for a minute, also by an attempt that was answered a moment too late.
    private static CommandResult ConnectFromPort20000() => Peer.Exec(
        "python3", "-c", "import socket, struct; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); s.bind(('', 20000)); s.settimeout(2); s.connect(('10.77.0.2', 7000))");
}

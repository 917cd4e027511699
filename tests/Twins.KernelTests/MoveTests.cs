using System.Globalization;
using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>Servers and clients move, and their peers don't notice.</summary>
[TestClass]
public sealed class MoveTests : LabTest
{
    [TestMethod]
    public void EchoServer_MovedOnce_ItsConnectionsGoOn()
    {
        MobileProcess server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        CheckedClient client = Talk("10.77.0.2:7000", "--connections", "4", "--rate", "200").WaitUntilReady();
        PeerCounters before = PeerCounters.Read(Peer);
        JsonElement result = server.MigrateTo(Host1);
        AssertMoved(result, epoch: 2, connections: 4);
        Assert.AreEqual("relay", result.GetProperty("path").GetString());
        AssertEverywhere(server, epoch: 2);
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();
    }

    [TestMethod]
    public void EchoServer_MovedOnce_NewClientsOfTheOldAddressReachIt()
    {
        MobileProcess server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        PeerCounters before = PeerCounters.Read(Peer);
        AssertMoved(server.MigrateTo(Host1), epoch: 2, connections: 0);
        CheckedClient client = Talk("10.77.0.2:7000", "--connections", "20", "--rate", "50").WaitUntilReady();
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        AssertMoved(server.MigrateTo(Host2), epoch: 3, connections: 20);
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();
    }

    [TestMethod]
    public void RedisServer_UnderPipelinedTraffic_MovesOnAndReturnsHomeAndNothingIsLeft()
    {
        MobileProcess redis = RunMobile(Home, "redis", "redis-server", "--port", "6379", "--save", "", "--appendonly", "no",
            "--bind", "0.0.0.0", "--protected-mode", "no", "--daemonize", "no", "--dir", "/");
        WaitForListener(Home, 6379);
        AssertEverywhere(redis, epoch: 1);
        var client = new CheckedClient(Start(Peer, "python3", Repository.Rig("checked_redis.py"), "10.77.0.2:6379", "--connections", "6"));
        client.WaitUntilReady();
        PeerCounters before = PeerCounters.Read(Peer);
        int epoch = 1;
        foreach (Machine destination in new[] { Host1, Host2, Home })
        {
            AssertMoved(redis.MigrateTo(destination), ++epoch, connections: 6);
            AssertEverywhere(redis, epoch);
            Assert.IsTrue(client.IsWell, client.ToString());
            before.AssertNothingEnded(PeerCounters.Read(Peer));
        }
        // It runs at home, its connections are served by it without help.
        AssertNothingIsLeft();
        client.Finish("replies");
    }

    [TestMethod]
    public void ClientProgram_Moved_ItsConnectionsGoOnAndItOpensNewOnesThroughHome()
    {
        var answering = new CheckedClient(Start(Peer, "python3", Repository.Rig("traffic.py"), "answer", "7100", "--seconds", "600", "--rate", "100"));
        answering.WaitUntilReady();
        MobileProcess client = RunMobile(Home, "dialer", "python3", Repository.Rig("redialer.py"), "10.77.0.1:7100", "3");
        Eventually.Holds(() => client.Output.Contains("connected 3", StringComparison.Ordinal), "three connections are open");
        PeerCounters before = PeerCounters.Read(Peer);
        AssertMoved(client.MigrateTo(Host1), epoch: 2, connections: 3);
        AssertEverywhere(client, epoch: 2);
        // SIGUSR1 makes it open one more.
        Host1.Kill(client.Pid, Native.SigUsr1);
        Eventually.Holds(() => client.Output.Contains("connected 4", StringComparison.Ordinal), () => $"a connection from the cabin opens: {client.Output} {client.Error}");
        string peers = Peer.Shell("ss -Htn state established 'sport = :7100'");
        Assert.HasCount(4, peers.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.DoesNotContain("10.77.0.3", peers, "the peer sees home's address only");
        AssertMoved(client.MigrateTo(Host2), epoch: 3, connections: 4);
        AssertMoved(client.MigrateTo(Home), epoch: 4, connections: 4);
        answering.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        AssertNothingIsLeft();
        JsonElement result = answering.Finish();
        Assert.AreEqual(4, result.GetProperty("connections").GetInt32());
    }

    private static void AssertMoved(JsonElement result, int epoch, int connections)
    {
        Assert.AreEqual(epoch, result.GetProperty("epoch").GetInt32(), result.ToString());
        Assert.AreEqual(connections, result.GetProperty("connections").GetInt32(), result.ToString());
        Assert.IsGreaterThan(0L, result.GetProperty("imageBytes").GetInt64(), result.ToString());
        string[] phases = [.. result.GetProperty("phases").EnumerateArray().Select(phase => phase.GetProperty("name").GetString()!)];
        string said = string.Join(' ', phases);
        Assert.AreEqual("preflight prepare hold checkpoint transfer restore commit release", said);
    }
}

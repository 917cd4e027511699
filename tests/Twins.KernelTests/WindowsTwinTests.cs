using System.Diagnostics;
using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>Home's twin is the Windows one, under Wine (tests/rigs/wintwin): it holds, redirects and releases the traffic of real programs.</summary>
[TestClass]
[DoNotParallelize] // one Wine for all
public sealed class WindowsTwinTests : LabTest
{
    private static string Program => Path.Combine(Repository.Root, "build", "rigs", "wintwin", "twin");

    [ClassInitialize]
    public static void Prepare(TestContext context)
    {
        using Process process = Process.Start(new ProcessStartInfo(Repository.Rig("wintwin/prepare.sh")) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, error);
    }

    [TestInitialize]
    public void PutWindowsTwinAtHome()
    {
        Configure(Home, JsonSerializer.Serialize(new { twinPath = Program, readyTwins = 1 }));
        EndTwins();
        Eventually.Reads(
            () => Home.Shell("ss -Hxlp | grep /twins/twins/ || true"),
            listening => listening.Contains("pipe_relay", StringComparison.Ordinal) && !listening.Contains("\"twin\"", StringComparison.Ordinal),
            "home's twins are Windows ones", TimeSpan.FromSeconds(60));
    }

    [TestCleanup]
    public void PutLinuxTwinAtHome()
    {
        if (IsLabSpent)
            return;
        Configure(Home, "{}");
        EndTwins();
    }

    [TestMethod]
    public void EchoServer_MovesOnAndReturns_OldAndNewConnectionsGoOn()
    {
        MobileProcess server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        CheckedClient client = Talk("10.77.0.2:7000", "--connections", "4", "--rate", "200").WaitUntilReady();
        PeerCounters before = PeerCounters.Read(Peer);
        server.MigrateTo(Host1);
        client.AssertGoesOn();
        CheckedClient late = Talk("10.77.0.2:7000", "--connections", "20", "--rate", "50").WaitUntilReady();
        foreach (Machine destination in new[] { Host2, Home })
        {
            server.MigrateTo(destination);
            client.AssertGoesOn();
            late.AssertGoesOn();
        }

        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();
        late.Finish();
    }

    [TestMethod]
    public void TwinKilled_AfterTheMove_AnotherTakesOver()
    {
        MobileProcess server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        CheckedClient client = Talk("10.77.0.2:7000", "--connections", "4", "--rate", "200").WaitUntilReady();
        PeerCounters before = PeerCounters.Read(Peer);
        server.MigrateTo(Host1);
        client.AssertGoesOn();
        EndTwins();
        client.AssertGoesOn();
        server.MigrateTo(Home);
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();
    }

    [TestMethod]
    public void RedisServer_UnderPipelinedTraffic_MovesOnAndReturns()
    {
        MobileProcess redis = RunMobile(Home, "redis", "redis-server", "--port", "6379", "--save", "", "--appendonly", "no",
            "--bind", "0.0.0.0", "--protected-mode", "no", "--daemonize", "no", "--dir", "/");
        WaitForListener(Home, 6379);
        var client = new CheckedClient(Start(Peer, "python3", Repository.Rig("checked_redis.py"), "10.77.0.2:6379", "--connections", "6"));
        client.WaitUntilReady();
        PeerCounters before = PeerCounters.Read(Peer);
        foreach (Machine destination in new[] { Host1, Host2, Home })
        {
            redis.MigrateTo(destination);
            client.AssertGoesOn();
        }

        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish("replies");
    }

    [TestMethod]
    public void Nginx_MasterAndWorkersMoveTogether_DownloadsInFlightAreComplete_AlsoWhenTheTwinIsKilled()
    {
        MobileProcess nginx = RunMobile(Home, "nginx", TestFiles.Nginx(8080));
        WaitForListener(Home, 8080);
        CheckedClient client = Browse(8080).WaitUntilReady();
        PeerCounters before = PeerCounters.Read(Peer);
        foreach (Machine destination in new[] { Host1, Host2, Home })
        {
            nginx.MigrateTo(destination);
            client.AssertGoesOn();
            EndTwins();
            client.AssertGoesOn();
        }

        before.AssertNothingBroken(PeerCounters.Read(Peer));
        client.Finish();
    }

    /// <summary>All of home's, Linux or Windows: twinsd starts others, of the kind that it is set to.</summary>
    private static void EndTwins()
    {
        foreach (int twin in Home.PidsOf("twin"))
            Home.Kill(twin);
    }
}

using System.Globalization;
using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>
/// A server's listeners are redirected to a Windows node, where another instance of it takes the peers' new connections. In a cluster
/// with the lab's nodes, as in <see cref="WindowsHomeTests"/>.
/// </summary>
[TestClass]
[DoNotParallelize] // one Wine for all
public sealed class WindowsHostTests : WindowsNodeTest
{
    private const string Endpoint = "10.77.0.2:7000";

    private int _original;

    [TestInitialize]
    public void StartOriginal()
    {
        _original = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000").Pid;
        WaitForListener(Home, 7000);
    }

    [TestMethod]
    public void Listener_RedirectedToWindows_NewConnectionsReachTheInstanceThere_AlsoWhenTheTwinIsKilled()
    {
        PeerCounters before = PeerCounters.Read(Peer);
        Hold();
        // Comes while it is held, and gets through when it is there.
        CheckedClient early = Talk(2);
        Redirect();
        StartInstance();
        early.WaitUntilReady().AssertGoesOn();
        CheckedClient client = Talk(4).WaitUntilReady();
        client.AssertGoesOn();
        AssertShown(connections: 6);
        Node.KillTwins();
        client.AssertGoesOn();
        early.AssertGoesOn();
        CheckedClient late = Talk(3).WaitUntilReady();
        late.AssertGoesOn();
        AssertShown(connections: 9);
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();
        early.Finish();
        late.Finish();
    }

    [TestMethod]
    public void ManagerKilled_WhileItServes_ItsClientsAreServedStill()
    {
        PeerCounters before = PeerCounters.Read(Peer);
        Hold();
        Redirect();
        StartInstance();
        CheckedClient client = Talk(4).WaitUntilReady();
        client.AssertGoesOn();
        Node.RestartDaemon();
        client.AssertGoesOn();
        CheckedClient late = Talk(3).WaitUntilReady();
        late.AssertGoesOn();
        AssertShown(connections: 7);
        // The new one can tell a new twin all of it.
        Node.KillTwins();
        client.AssertGoesOn();
        late.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();
        late.Finish();
    }

    [TestMethod]
    public void ManagerKilled_WhileItWaits_TheInstanceIsFoundAfterwards()
    {
        Hold();
        Redirect();
        Node.RestartDaemon();
        StartInstance();
        CheckedClient client = Talk(2).WaitUntilReady();
        client.AssertGoesOn();
        client.Finish();
    }

    [TestMethod]
    public void InstanceEnds_HomeLearnsIt_AndNothingIsLeft()
    {
        Hold();
        Redirect();
        StartInstance();
        CheckedClient client = Talk(2).WaitUntilReady();
        client.AssertGoesOn();
        client.Finish();
        // Neither can be moved or held anywhere.
        Assert.Contains("Nothing on Windows", Home.Twins("migrate", "echo", "--to", "host1").Exits(3).ToString());
        Assert.Contains("only a process that runs at its home", Node.Twins("hold", "echo").Exits(1).ToString());
        Assert.Contains("only a process that runs at its home", Home.Twins("hold", "echo").Exits(1).ToString());
        Node.End("echo.exe");
        Eventually.Holds(() => Home.Find("echo") is null && Node.Twins("ls").Exits(0).Document.GetArrayLength() == 0, "neither node knows it");
        AssertNothingIsLeftOn(Home);
        Assert.DoesNotContain("leftovers", Node.Twins("doctor").Document.EnumerateArray()
            .Where(row => row.GetProperty("outcome").GetString() != "ok").Select(row => row.GetProperty("check").GetString()));
    }

    [TestMethod]
    public void OpenConnections_AreRefused_AndGoOnAtHome()
    {
        CheckedClient client = Talk(2).WaitUntilReady();
        PeerCounters before = PeerCounters.Read(Peer);
        Hold();
        TwinsResult refused = Home.Twins("redirect", "echo", "--to", "windows").Exits(1);
        Assert.Contains("nothing can take over a connection that is open, and 'echo' has 2", refused.ToString());
        Assert.AreEqual("held", Show().GetProperty("state").GetString());
        Home.Twins("release", "echo").Exits(0);
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();
        // A move is none of Windows' either, and is undone.
        Assert.Contains("restores no process", Home.Twins("migrate", "echo", "--to", "windows").Exits(3).ToString());
    }

    private protected override WindowsNode StartNode() => StartInCluster(Home);

    private static JsonElement Show() => Home.Twins("show", "echo").Exits(0).Document;

    private static void Hold() => Assert.AreEqual("held", Home.Twins("hold", "echo").Exits(0).Document.GetProperty("state").GetString());

    private static void Redirect() => Assert.AreEqual("", Home.Twins("redirect", "echo", "--to", "windows").Exits(0).Document.GetProperty("cabin").GetString() ?? "");

    /// <summary>The original ends, and the instance that takes its place starts.</summary>
    private void StartInstance()
    {
        Home.Kill(_original);
        Node.Launch(WindowsNode.Program("echo.exe"), "7000");
        JsonElement shown = Eventually.Reads(Show, shown => shown.GetProperty("node").GetString() == "windows" && shown.GetProperty("state").GetString() == "running", "it runs on the Windows node");
        Assert.AreEqual(2, shown.GetProperty("epoch").GetInt32());
        Assert.AreEqual(shown.GetProperty("pid").GetInt32(), Node.Show("echo").GetProperty("pid").GetInt32());
    }

    /// <summary>Both nodes show the guest with home's address.</summary>
    private void AssertShown(int connections)
    {
        foreach (Func<JsonElement> show in (Func<JsonElement>[])[Show, () => Node.Show("echo")])
        {
            JsonElement[] ends = [.. Eventually.Reads(show, shown => shown.GetProperty("endpoints").GetArrayLength() == connections + 1, $"{connections} connections and a listener")
                .GetProperty("endpoints").EnumerateArray()];
            Assert.IsTrue(ends.All(end => end.GetProperty("local").GetString() == Endpoint && end.GetProperty("home").GetString() == "home"), string.Join('\n', ends));
            Assert.AreEqual(connections, ends.Count(end => end.GetProperty("role").GetString() == "server" && end.GetProperty("remote").GetString()!.StartsWith("10.77.0.1:", StringComparison.Ordinal)));
        }
    }

    private CheckedClient Talk(int connections) => Talk(Endpoint, "--connections", connections.ToString(CultureInfo.InvariantCulture), "--rate", "100");
}

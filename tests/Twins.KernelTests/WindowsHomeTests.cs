using System.Globalization;
using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>
/// A Windows node is home to a server whose connections another migrator takes to a Linux node (tests/rigs/handover.py), in a cluster
/// with the lab's nodes. Between the nodes is real TLS, done by a relay, since Wine does none (tests/rigs/winnode).
/// </summary>
[TestClass]
[DoNotParallelize] // one Wine for all
public sealed class WindowsHomeTests : WindowsNodeTest
{
    private const string Endpoint = "10.77.0.4:7000";

    private string _folder = "";

    [TestInitialize]
    public void MakeFolder() => _folder = Directory.CreateDirectory(Path.Combine(Repository.Scratch, Guid.NewGuid().ToString("N"))).FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Server_RedirectedToALinuxNode_ServesItsClientsThere_AlsoWhenTheTwinIsKilled()
    {
        StartServer();
        CheckedClient client = Talk(4);
        PeerCounters before = PeerCounters.Read(Peer);
        HandOver();
        client.AssertGoesOn();
        CheckedClient late = Talk(3);
        late.AssertGoesOn();
        Node.KillTwins();
        client.AssertGoesOn();
        late.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();
        late.Finish();
    }

    [TestMethod]
    public void Server_RedirectedToALinuxNode_MovesOnToAnother_ByLinuxMeans()
    {
        StartServer();
        CheckedClient client = Talk(4);
        PeerCounters before = PeerCounters.Read(Peer);
        MobileProcess guest = HandOver();
        client.AssertGoesOn();
        guest.MigrateTo(Home);
        client.AssertGoesOn();
        CheckedClient late = Talk(3);
        late.AssertGoesOn();
        guest.MigrateTo(Host1);
        client.AssertGoesOn();
        late.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();
        late.Finish();
    }

    [TestMethod]
    public void ManagerKilled_WhileItIsRedirected_ItsClientsAreServedStill()
    {
        StartServer();
        CheckedClient client = Talk(4);
        PeerCounters before = PeerCounters.Read(Peer);
        HandOver();
        client.AssertGoesOn();
        Node.RestartDaemon();
        Assert.AreEqual("host1", Node.Show("echo").GetProperty("node").GetString());
        client.AssertGoesOn();
        CheckedClient late = Talk(3);
        late.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();
        late.Finish();
    }

    [TestMethod]
    public void Server_ReleasedBeforeTheRedirectIsDone_ServesOnAtHome_AndNothingIsLeft()
    {
        StartServer();
        CheckedClient client = Talk(4);
        PeerCounters before = PeerCounters.Read(Peer);
        Node.Twins("hold", "echo").Exits(0);
        Node.Twins("redirect", "echo", "--to", "host1").Exits(0);
        Node.Twins("release", "echo").Exits(0);
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        AssertNothingIsLeftOn(Host1);
        client.Finish();
    }

    private protected override WindowsNode StartNode() => StartInCluster(Host1);

    private void StartServer()
    {
        Node.Run("echo", WindowsNode.Program("echo.exe"), "7000");
        Eventually.Reads(() => Node.Show("echo"), shown => shown.GetProperty("endpoints").EnumerateArray().Any(e => e.GetProperty("role").GetString() == "listener"), "it listens");
    }

    private CheckedClient Talk(int connections) =>
        Talk(Endpoint, "--connections", connections.ToString(CultureInfo.InvariantCulture), "--rate", "200").WaitUntilReady();

    /// <summary>To host1: the connections as they are, and a Linux program that goes on with them.</summary>
    private MobileProcess HandOver()
    {
        Node.Twins("hold", "echo").Exits(0);
        string connections = Path.Combine(_folder, "connections");
        // What it has received it answers before it is ended.
        Eventually.Holds(() => Host2.Exec("sh", "-c", $"python3 {Repository.Rig("handover.py")} take {Text(Node.SocketsOf)} 7000 >{connections}").ExitCode == 0, "nothing is unread");
        Node.End("echo.exe");
        string cabin = Node.Twins("redirect", "echo", "--to", "host1").Exits(0).Document.GetProperty("cabin").GetString()!;
        const string alone = "import os, sys; os.closerange(3, 1024); os.execvp(sys.argv[1], sys.argv[1:])";
        string started = Host1.Shell(
            $"setsid nsenter --net={cabin} python3 -c '{alone}' python3 {Repository.Rig("handover.py")} give 7000 <{connections} >{_folder}/guest.out 2>&1 & echo $!");
        int pid = int.Parse(started.Trim(), CultureInfo.InvariantCulture);
        JsonElement shown = Eventually.Reads(() => Node.Show("echo"), shown => shown.GetProperty("node").GetString() == "host1" && shown.GetProperty("state").GetString() == "running",
            "it runs on host1");
        Assert.AreEqual(2, shown.GetProperty("epoch").GetInt32());
        MobileProcess guest = Adopt("echo", pid, Host1);
        return guest;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

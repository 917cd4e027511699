using System.Globalization;
using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>Another migrator, here plain <c>criu</c> by hand, moves the process; Twins moves its connections.</summary>
[TestClass]
public sealed class ManualRedirectionTests : FaultTest
{
    private static readonly string Criu = Path.Combine(Repository.Root, "build", "criu", "criu");

    private string _folder = "";

    [TestInitialize]
    public void MakeFolder() => _folder = Directory.CreateDirectory(Path.Combine(Repository.Scratch, Guid.NewGuid().ToString("N"))).FullName;

    [TestCleanup]
    public void RemoveFolder()
    {
        // One that a failed test left held is nobody's to forget.
        Home.Twins("release", "echo");
        Directory.Delete(_folder, recursive: true);
    }

    [TestMethod]
    public void HeldServer_Released_ServesOnAtHomeAndNothingIsLeft()
    {
        MobileProcess server = AttachEcho();
        CheckedClient client = Talk(4);
        PeerCounters before = PeerCounters.Read(Peer);
        Assert.AreEqual("held", Home.Twins("hold", server.Name).Exits(0).Document.GetProperty("state").GetString());
        Eventually.Reads(() => Show(server), shown => shown.GetProperty("heldPackets").GetInt64() > 0, "packets are held");
        Assert.AreEqual("running", Home.Twins("release", server.Name).Exits(0).Document.GetProperty("state").GetString());
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        AssertNothingIsLeft();
        client.Finish();
    }

    [TestMethod]
    public void HeldServer_RedirectedAfterTheCheckpoint_ServesItsClientsFromTheOtherNode()
    {
        MobileProcess server = AttachEcho();
        CheckedClient client = Talk(4);
        PeerCounters before = PeerCounters.Read(Peer);
        Home.Twins("hold", server.Name).Exits(0);
        Dump(server);
        Eventually.Holds(() => !Home.Runs(server.Pid), "the original is gone");
        // That it is gone is the other migrator's business: it stays held.
        Assert.AreEqual("held", Show(server).GetProperty("state").GetString());
        JsonElement redirected = Home.Twins("redirect", server.Name, "--to", Host1.Name).Exits(0).Document;
        Restore(redirected.GetProperty("cabin").GetString()!);
        server.Node = Host1;
        AssertEverywhere(server, epoch: 2);
        client.AssertGoesOn();
        // New clients of the old address reach it, and it is a guest like any other.
        CheckedClient later = Talk(2);
        later.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        server.MigrateTo(Home);
        AssertEverywhere(server, epoch: 3);
        client.AssertGoesOn();
        later.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        AssertNothingIsLeft();
        client.Finish();
        later.Finish();
    }

    [TestMethod]
    public void HeldServer_RedirectedBeforeTheCheckpointByAddress_ServesItsClientsFromTheOtherNode()
    {
        MobileProcess server = AttachEcho();
        CheckedClient client = Talk(8);
        PeerCounters before = PeerCounters.Read(Peer);
        Home.Twins("hold", server.Name).Exits(0);
        string cabin = Home.Twins("redirect", server.Name, "--to", Host1.Address).Exits(0).Document.GetProperty("cabin").GetString()!;
        // May be repeated, but not be sent elsewhere.
        Assert.AreEqual(cabin, Home.Twins("redirect", server.Name, "--to", Host1.Name).Exits(0).Document.GetProperty("cabin").GetString());
        Home.Twins("redirect", server.Name, "--to", Host2.Name).Exits(1);
        Dump(server);
        Restore(cabin);
        server.Node = Host1;
        AssertEverywhere(server, epoch: 2);
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();
    }

    [TestMethod]
    public void RedirectedServer_ReleasedBeforeTheRestore_ServesOnAtHomeAndNothingIsLeft()
    {
        MobileProcess server = AttachEcho();
        CheckedClient client = Talk(4);
        PeerCounters before = PeerCounters.Read(Peer);
        Home.Twins("hold", server.Name).Exits(0);
        string cabin = Home.Twins("redirect", server.Name, "--to", Host1.Name).Exits(0).Document.GetProperty("cabin").GetString()!;
        Host1.Exec("test", "-e", cabin).Succeeded();
        Home.Twins("release", server.Name).Exits(0);
        client.AssertGoesOn();
        AssertEverywhere(server, epoch: 1);
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        AssertNothingIsLeft();
        client.Finish();
    }

    [TestMethod]
    public void HeldServer_RedirectedToNoNode_IsRefusedAndStaysHeld()
    {
        MobileProcess server = AttachEcho();
        CheckedClient client = Talk(1);
        Home.Twins("hold", server.Name).Exits(0);
        TwinsResult refused = Home.Twins("redirect", server.Name, "--to", "10.77.0.99").Exits(1);
        Assert.Contains("No node has the address 10.77.0.99", refused.ToString());
        Assert.Contains("twins cluster join", refused.ToString());
        Assert.AreEqual("held", Show(server).GetProperty("state").GetString());
        Home.Twins("release", server.Name).Exits(0);
        client.AssertGoesOn();
        client.Finish();
    }

    [TestMethod]
    [DataRow("home")]
    [DataRow("host1")]
    public void ManagerKilled_AtEachStage_TheRedirectionGoesOn(string machine)
    {
        Machine node = machine == "home" ? Home : Host1;
        MobileProcess server = AttachEcho();
        CheckedClient client = Talk(4);
        PeerCounters before = PeerCounters.Read(Peer);
        Home.Twins("hold", server.Name).Exits(0);
        KillManager(node);
        AssertHeld(server);
        string cabin = Home.Twins("redirect", server.Name, "--to", Host1.Name).Exits(0).Document.GetProperty("cabin").GetString()!;
        KillManager(node);
        AssertHeld(server);
        // May be repeated, as before.
        Assert.AreEqual(cabin, Home.Twins("redirect", server.Name, "--to", Host1.Name).Exits(0).Document.GetProperty("cabin").GetString());
        Dump(server);
        Eventually.Holds(() => !Home.Runs(server.Pid), "the original is gone");
        KillManager(node);
        AssertHeld(server);
        Restore(cabin);
        server.Node = Host1;
        AssertEverywhere(server, epoch: 2);
        client.AssertGoesOn();
        KillManager(node);
        AssertEverywhere(server, epoch: 2);
        client.AssertGoesOn();
        AssertPortIsKept();
        server.MigrateTo(Home);
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        AssertNothingIsLeft();
        client.Finish();
    }

    [TestMethod]
    public void ManagerKilledWhileRedirected_Released_ServesOnAtHomeAndNothingIsLeft()
    {
        MobileProcess server = AttachEcho();
        CheckedClient client = Talk(4);
        PeerCounters before = PeerCounters.Read(Peer);
        Home.Twins("hold", server.Name).Exits(0);
        Home.Twins("redirect", server.Name, "--to", Host1.Name).Exits(0);
        KillManager(Home);
        Home.Twins("release", server.Name).Exits(0);
        client.AssertGoesOn();
        AssertEverywhere(server, epoch: 1);
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        AssertNothingIsLeft();
        client.Finish();
    }

    [TestMethod]
    public void NobodyGoesOn_AfterTheHoldOrTheRedirect_ThePacketsAreGivenBackAfterAWhile()
    {
        foreach (Machine node in (Machine[])[Home, Host1])
            Configure(node, """{"handWait":"3s"}""");
        try
        {
            WaitUntilNodesMeet();
            MobileProcess server = AttachEcho();
            CheckedClient client = Talk(4);
            PeerCounters before = PeerCounters.Read(Peer);
            Assert.Contains("they are released", Home.Twins("hold", server.Name).Exits(0).Document.GetProperty("note").GetString()!);
            AssertGivenBack(server, "without a redirect");
            client.AssertGoesOn();
            Configure(Home, "{}");
            WaitUntilNodesMeet();
            Home.Twins("hold", server.Name).Exits(0);
            Home.Twins("redirect", server.Name, "--to", Host1.Name).Exits(0);
            AssertGivenBack(server, "gave the redirection up");
            client.AssertGoesOn();
            AssertNothingIsLeft();

            // Once it is in images only there is nobody to give them to: they wait for another try.
            Home.Twins("hold", server.Name).Exits(0);
            Dump(server);
            Home.Twins("redirect", server.Name, "--to", Host1.Name).Exits(0);
            Eventually.Reads(
                () => Show(server), shown => shown.GetProperty("note").GetString()!.Contains("gave the redirection up", StringComparison.Ordinal), "the redirection is given up");
            AssertHeld(server);
            Restore(Home.Twins("redirect", server.Name, "--to", Host2.Name).Exits(0).Document.GetProperty("cabin").GetString()!, Host2);
            server.Node = Host2;
            AssertEverywhere(server, epoch: 2);
            client.AssertGoesOn();
            before.AssertNothingEnded(PeerCounters.Read(Peer));
            client.Finish();
        }
        finally
        {
            foreach (Machine node in (Machine[])[Home, Host1])
                Configure(node, "{}");
        }
    }

    private static void AssertHeld(MobileProcess server) => Assert.AreEqual("held", Show(server).GetProperty("state").GetString());

    private static void AssertGivenBack(MobileProcess server, string why) => Eventually.Reads(
        () => Show(server),
        shown => shown.GetProperty("state").GetString() == "running" && shown.GetProperty("note").GetString()!.Contains(why, StringComparison.Ordinal),
        $"it is running again, {why}");

    private static JsonElement Show(MobileProcess process) => process.Node.Twins("show", process.Name).Exits(0).Document;

    /// <summary>An echo server that was running before Twins knew of it, with nothing that only its machine has.</summary>
    private MobileProcess AttachEcho()
    {
        // Descriptors of another mount namespace can't be dumped: nothing but 0 to 2 is inherited.
        const string alone = "import os, sys; os.closerange(3, 1024); os.execvp(sys.argv[1], sys.argv[1:])";
        string started = Home.Shell(
            $"setsid python3 -c '{alone}' python3 {Repository.Rig("traffic.py")} serve 7000 </dev/null >{_folder}/echo.out 2>&1 & echo $!");
        int pid = int.Parse(started.Trim(), CultureInfo.InvariantCulture);
        WaitForListener(Home, 7000);
        Home.Twins("attach", started.Trim(), "--name", "echo").Exits(0);
        return Adopt("echo", pid, Home);
    }

    private CheckedClient Talk(int connections) => new CheckedClient(Start(
        Peer, "python3", Repository.Rig("traffic.py"), "talk", "10.77.0.2:7000", "--seconds", "600", "--rate", "200",
        "--connections", connections.ToString(CultureInfo.InvariantCulture))).WaitUntilReady();

    private void Dump(MobileProcess process) => Home.Exec(
        Criu, "dump", "--tree", process.Pid.ToString(CultureInfo.InvariantCulture), "--images-dir", _folder,
        "--tcp-established", "--network-lock", "skip").Succeeded();

    private void Restore(string cabin, Machine? node = null) => (node ?? Host1).Exec(
        "nsenter", $"--net={cabin}", Criu, "restore", "--images-dir", _folder, "--tcp-established", "--restore-detached").Succeeded();
}

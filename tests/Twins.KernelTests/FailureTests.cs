using System.Globalization;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>Moves that can't succeed: each says which step failed and what to do, and the process runs on at home.</summary>
[TestClass]
public sealed class FailureTests : LabTest
{
    private MobileProcess _server = null!;
    private CheckedClient _client = null!;
    private PeerCounters _before = null!;

    [TestMethod]
    public void DestinationUnknown_IsRefused_AndTheMessageNamesTheNode()
    {
        StartServer();
        AssertRolledBack(_server.FailToMigrateTo("nowhere"), "preflight", "unknown-node", "No node is named 'nowhere'", "'twins cluster join' adds one");
    }

    [TestMethod]
    public void DestinationIsWhereItRuns_IsRefused()
    {
        StartServer();
        AssertRolledBack(_server.FailToMigrateTo("home"), "preflight", "already-there", "on node 'home' already", "Name another node; 'twins nodes' lists them");
    }

    [TestMethod]
    public void ProcessUnknown_ExitsWithSix()
    {
        TwinsResult result = Home.Twins("migrate", "nobody", "--to", "host1").Exits(6);
        Assert.Contains("nobody", result.Command.Error);
    }

    [TestMethod]
    public void DestinationUnreachable_IsRolledBack()
    {
        StartServer();
        Host1.Shell("nft 'add table inet cut; add chain inet cut in { type filter hook input priority -500; policy drop; }; add rule inet cut in iifname lo accept'");
        try
        {
            AssertRolledBack(
                _server.FailToMigrateTo("host1"), "prepare", "node-unreachable", "Node 'host1' didn't answer", "Check that its twinsd runs and that the network between the nodes works");
        }
        finally
        {
            Host1.Shell("nft delete table inet cut");
        }
        AssertCanStillMove();
    }

    [TestMethod]
    public void NodeThatRunsAGuestCantBeReached_AskedAtHome_TheMessageSaysSo_AndTheGuestRunsOn()
    {
        StartServer();
        _server.MigrateTo(Host1);
        using (LinkCut.Now(Host1))
        {
            Home.Twins("migrate", _server.Name, "--to", "host2").FailsIn(
                "preflight", "node-unreachable", "Check that its twinsd runs and that the network between the nodes works; 'twins show echo' there tells whether it has moved", 1);
        }

        _client.AssertGoesOn();
        AssertEverywhere(_server, epoch: 2);
        _server.MigrateTo(Home);
        AssertCanStillMove();
    }

    [TestMethod]
    public void PidTakenAtTheDestination_IsRolledBack_AndTheMessageNamesWho()
    {
        StartServer();
        string last = (_server.Pid - 1).ToString(CultureInfo.InvariantCulture);
        // The numbers after it are left to home, as they were.
        string taken = Host1.Shell($"""
            was=$(cat /proc/sys/kernel/ns_last_pid)
            echo {last} >/proc/sys/kernel/ns_last_pid
            sleep 1000 </dev/null >/dev/null 2>&1 &
            echo $!
            echo $was >/proc/sys/kernel/ns_last_pid
            """).Trim();
        try
        {
            Assert.AreEqual(_server.Pid.ToString(CultureInfo.InvariantCulture), taken);
            AssertRolledBack(
                _server.FailToMigrateTo("host1"), "prepare", "pid-taken", "belongs to another process there (sleep)", "End that one, or start the mobile process again under another PID");
        }
        finally
        {
            Host1.End(int.Parse(taken, CultureInfo.InvariantCulture));
        }
        AssertCanStillMove();
    }

    [TestMethod]
    public void FileMissingAtTheDestination_IsRolledBack_AndTheMessageNamesIt()
    {
        // Each machine has a /tmp of its own.
        Home.Shell("echo only here >/tmp/only-here");
        StartServer("sh", "-c", $"exec python3 {Repository.Rig("traffic.py")} serve 7000 5</tmp/only-here");
        AssertRolledBack(_server.FailToMigrateTo("host1"), "prepare", "file-missing", "it lacks the file /tmp/only-here", "Install or copy it there");
        Host1.Shell("echo only here >/tmp/only-here");
        AssertCanStillMove();
    }

    [TestMethod]
    [DataRow("host1", "prepare")]
    [DataRow("home", "checkpoint")]
    public void DiskFullForImages_IsRolledBack(string machine, string step)
    {
        StartServer();
        Machine full = machine == "home" ? Home : Host1;
        full.Shell("mkdir -p /run/twins/images; mount -t tmpfs -o size=64k none /run/twins/images");
        try
        {
            string message = AssertRolledBack(_server.FailToMigrateTo("host1"), step, "disk-full", "/run/twins/images", "set imageDirectory elsewhere");
            Assert.Contains($"ode '{machine}'", message);
        }
        finally
        {
            full.Shell("umount /run/twins/images");
        }
        AssertCanStillMove();
    }

    [TestMethod]
    [DataRow("home", "preflight")]
    [DataRow("host1", "prepare")]
    public void DiskFullForTheTable_IsRolledBack_AndCanMoveWhenThereIsRoomAgain(string machine, string step)
    {
        StartServer();
        Machine full = machine == "home" ? Home : Host1;
        FillState(full);
        try
        {
            AssertRolledBack(_server.FailToMigrateTo("host1"), step, "disk-full", $"On node '{machine}'", "The disk is full: make room below /var/lib/twins");
        }
        finally
        {
            MakeRoomForState(full);
        }
        AssertCanStillMove();
    }

    [TestMethod]
    public void DiskFullForTheTable_DuringTheMove_IsRolledBack_AndCanMoveWhenThereIsRoomAgain()
    {
        StartServer();
        CriuGate.Close(Home);
        try
        {
            BackgroundProgram migration = StartTwins(Home, "migrate", "echo", "--to", "host1");
            migration.WaitFor("hold:");
            FillState(Home);
            CriuGate.Open(Home);
            CommandResult told = migration.WaitForEnd();
            // Connections go on, although how it ended can't be written yet.
            _client.AssertGoesOn();
            MakeRoomForState(Home);
            Eventually.Reads(() => Home.Find("echo")?.GetProperty("state").GetString(), state => state == "running", "it is written that it runs at home");
            AssertRolledBack(new TwinsResult(told), "restore", "disk-full", "On node 'home'", "The disk is full: make room below /var/lib/twins");
        }
        finally
        {
            CriuGate.Open(Home);
            MakeRoomForState(Home);
        }
        AssertCanStillMove();
    }

    [TestMethod]
    public void DiskFullDuringTheTransfer_IsRolledBack_AndTheMessageIsTheDestinations()
    {
        StartServer();
        Host1.Shell("mkdir -p /run/twins/images; mount -t tmpfs -o size=128m none /run/twins/images");
        CriuGate.Close(Home);
        try
        {
            BackgroundProgram migration = StartTwins(Home, "migrate", "echo", "--to", "host1");
            migration.WaitFor("hold:");
            Host1.Shell("dd if=/dev/zero of=/run/twins/images/full bs=1M 2>/dev/null || true");
            CriuGate.Open(Home);
            CommandResult told = migration.WaitForEnd();
            Host1.Shell("rm /run/twins/images/full");
            AssertRolledBack(new TwinsResult(told), "transfer", "disk-full", "On node 'host1': The images don't fit into /run/twins/images", "Free space there, or set imageDirectory elsewhere");
        }
        finally
        {
            CriuGate.Open(Home);
            Host1.Shell("umount /run/twins/images");
        }
        AssertCanStillMove();
    }

    [TestMethod]
    public void ProcessIsTraced_IsRefused_AndTheMessageSaysByWhom()
    {
        // What CRIU finds only at the dump: CriuFaultTests.
        StartServer();
        BackgroundProgram tracer = Start(Home, "python3", Repository.Rig("tracer.py"), _server.Pid.ToString(CultureInfo.InvariantCulture));
        tracer.WaitFor("tracing");
        AssertRolledBack(_server.FailToMigrateTo("host1"), "preflight", "obstacle", "traces it", "end the debugger or tracer");
        tracer.Stop(Native.SigKill);
        AssertCanStillMove();
    }

    /// <summary>Where the table is gets no larger than what is in it.</summary>
    private static void FillState(Machine node) =>
        node.Shell("mount -o remount,size=$(df -k --output=used /var/lib/twins | tail -n 1 | tr -d ' ')k /var/lib/twins");

    private static void MakeRoomForState(Machine node) => node.Shell("mount -o remount,size=1g /var/lib/twins");

    private void StartServer(params string[] command)
    {
        _server = RunMobile(Home, "echo", command.Length > 0 ? command : ["python3", Repository.Rig("traffic.py"), "serve", "7000"]);
        WaitForListener(Home, 7000);
        _client = Talk("10.77.0.2:7000", "--connections", "4", "--rate", "200").WaitUntilReady();
        _client.AssertGoesOn();
        _before = PeerCounters.Read(Peer);
    }

    /// <summary>The document is as the contract says, the process is home with its connections, nothing of the attempt is left.</summary>
    private string AssertRolledBack(TwinsResult result, string step, string code, string said, string remedy)
    {
        string message = result.FailsIn(step, code, remedy);
        Assert.Contains(said, message);
        AssertEverywhere(_server, epoch: 1);
        _client.AssertGoesOn();
        _before.AssertNothingEnded(PeerCounters.Read(Peer));
        AssertNothingIsLeft();
        return message;
    }

    private void AssertCanStillMove()
    {
        _server.MigrateTo(Host1);
        _client.AssertGoesOn();
        _server.MigrateTo(Home);
        _client.AssertGoesOn();
        _before.AssertNothingEnded(PeerCounters.Read(Peer));
        AssertNothingIsLeft();
        _client.Finish();
    }
}

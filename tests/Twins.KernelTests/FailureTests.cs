using System.Globalization;
using System.Text.Json;
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
        AssertRolledBack(_server.FailToMigrateTo("nowhere"), "preflight", null, "nowhere");
    }

    [TestMethod]
    public void DestinationIsWhereItRuns_IsRefused()
    {
        StartServer();
        AssertRolledBack(_server.FailToMigrateTo("home"), "preflight", "already-there", "home");
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
            AssertRolledBack(_server.FailToMigrateTo("host1"), null, null, "host1");
        }
        finally
        {
            Host1.Shell("nft delete table inet cut");
        }
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
            TwinsResult result = Home.Twins("migrate", _server.Name, "--to", "host1").Exits(3);
            AssertRolledBack(result.Document, "prepare", "pid-taken", "sleep");
        }
        finally
        {
            Host1.Exec("kill", "-9", taken);
        }
        AssertCanStillMove();
    }

    [TestMethod]
    public void FileMissingAtTheDestination_IsRolledBack_AndTheMessageNamesIt()
    {
        // Each machine has a /tmp of its own.
        Home.Shell("echo only here >/tmp/only-here");
        StartServer("sh", "-c", $"exec python3 {Repository.Rig("traffic.py")} serve 7000 5</tmp/only-here");
        AssertRolledBack(_server.FailToMigrateTo("host1"), "prepare", "file-missing", "/tmp/only-here");
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
            AssertRolledBack(_server.FailToMigrateTo("host1"), step, null, "");
        }
        finally
        {
            full.Shell("umount /run/twins/images");
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
            JsonElement document = new TwinsResult(migration.WaitForEnd().Exits(3)).Document;
            Host1.Shell("rm /run/twins/images/full");
            AssertRolledBack(document, "transfer", "disk-full", "host1");
        }
        finally
        {
            CriuGate.Open(Home);
            Host1.Shell("umount /run/twins/images");
        }
        AssertCanStillMove();
    }

    [TestMethod]
    public void CheckpointFails_IsRolledBack_AndTheMessageSaysWhy()
    {
        // A process that is being traced can't be dumped.
        StartServer();
        BackgroundProgram tracer = Start(Home, "python3", Repository.Rig("tracer.py"), _server.Pid.ToString(CultureInfo.InvariantCulture));
        tracer.WaitFor("tracing");
        AssertRolledBack(_server.FailToMigrateTo("host1"), null, null, "trace");
        tracer.Stop(Native.SigKill);
        AssertCanStillMove();
    }

    private void StartServer(params string[] command)
    {
        _server = RunMobile(Home, "echo", command.Length > 0 ? command : ["python3", Repository.Rig("traffic.py"), "serve", "7000"]);
        WaitForListener(Home, 7000);
        _client = Talk("10.77.0.2:7000", "--connections", "4", "--rate", "200").WaitUntilReady();
        _client.AssertGoesOn();
        _before = PeerCounters.Read(Peer);
    }

    /// <summary>The document is as the contract says, the process is home with its connections, nothing of the attempt is left.</summary>
    private void AssertRolledBack(JsonElement document, string? step, string? code, string said)
    {
        string all = document.ToString();
        Assert.IsTrue(document.GetProperty("rolledBack").GetBoolean(), all);
        JsonElement error = document.GetProperty("error");
        string phase = error.GetProperty("phase").GetString()!;
        if (step is not null)
            Assert.AreEqual(step, phase, all);
        if (code is not null)
            Assert.AreEqual(code, error.GetProperty("code").GetString(), all);
        string message = error.GetProperty("message").GetString()!;
        Assert.Contains(said, message);
        Assert.IsGreaterThan(20, message.Length, $"a message says what happened and what to do: {message}");
        AssertEverywhere(_server, epoch: 1);
        _client.AssertGoesOn();
        _before.AssertNothingEnded(PeerCounters.Read(Peer));
        AssertNothingIsLeft();
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

using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>Twins and managers are killed with SIGKILL, before and after moves; <see cref="StepFaultTests"/> has them during moves.</summary>
[TestClass]
public sealed class CrashTests : LabTest
{
    private MobileProcess _server = null!;
    private CheckedClient _client = null!;
    private PeerCounters _before = null!;

    [TestMethod]
    public void TwinKilled_BeforeTheMove_AnotherTakesOver()
    {
        StartServer();
        KillTwin(Home);
        AssertGoesOn();
        MoveTo(Host1);
        MoveTo(Home);
        AssertDone();
    }

    [TestMethod]
    public void TwinKilled_WhileItHolds_TheConnectionsSurvive()
    {
        StartServer();
        Home.Exec(Repository.Cli, "hold", _server.Name).Succeeded();
        KillTwin(Home);
        Home.Exec(Repository.Cli, "release", _server.Name).Succeeded();
        AssertGoesOn();
        MoveTo(Host1);
        MoveTo(Home);
        AssertDone();
    }

    [TestMethod]
    [DataRow("home")]
    [DataRow("host1")]
    public void TwinKilled_AfterTheMove_AnotherTakesOver(string machine)
    {
        StartServer();
        MoveTo(Host1);
        KillTwin(machine == "home" ? Home : Host1);
        AssertGoesOn();
        Talk("10.77.0.2:7000").WaitUntilReady().AssertGoesOn();
        MoveTo(Host2);
        MoveTo(Home);
        AssertDone();
    }

    [TestMethod]
    public void TwinStuck_AfterTheMove_AnotherTakesOver()
    {
        StartServer();
        MoveTo(Host1);
        int twin = TwinOf(Home);
        Home.Kill(twin, Native.SigStop);
        Eventually.Holds(() => TwinOf(Home) is > 0 and var now && now != twin, "another twin redirects", TimeSpan.FromSeconds(60));
        AssertGoesOn();
        MoveTo(Home);
        AssertDone();
    }

    [TestMethod]
    public void TwinKilled_RulesOfIptablesWereFlushedByAnother_TheJumpToItsQueueIsThereAgain()
    {
        StartServer();
        MoveTo(Host1);
        Home.Shell("iptables -t raw -F PREROUTING; ip6tables -t raw -F PREROUTING");
        KillTwin(Home);
        AssertGoesOn();
        MoveTo(Home);
        AssertDone();
    }

    [TestMethod]
    [DataRow("home")]
    [DataRow("host1")]
    public void ManagerKilled_BeforeAndAfterTheMove_TheStateIsRightAfterItsRestart(string machine)
    {
        Machine node = machine == "home" ? Home : Host1;
        StartServer();
        KillManager(node);
        AssertGoesOn();
        MoveTo(Host1);
        KillManager(node);
        AssertGoesOn();
        AssertEverywhere(_server, epoch: 2);
        Talk("10.77.0.2:7000").WaitUntilReady().AssertGoesOn();
        MoveTo(Host2);
        KillManager(node);
        AssertGoesOn();
        MoveTo(Home);
        AssertDone();
    }

    private void StartServer()
    {
        _server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        _client = Talk("10.77.0.2:7000", "--connections", "4", "--rate", "200").WaitUntilReady();
        _client.AssertGoesOn();
        _before = PeerCounters.Read(Peer);
    }

    private void AssertGoesOn()
    {
        _client.AssertGoesOn();
        _before.AssertNothingEnded(PeerCounters.Read(Peer));
    }

    private void MoveTo(Machine destination)
    {
        _server.MigrateTo(destination);
        AssertGoesOn();
    }

    private void AssertDone()
    {
        AssertNothingIsLeft();
        _client.Finish();
    }

    private int TwinOf(Machine node) => node.Twins("show", _server.Name).Exits(0).Document.GetProperty("twinPid").GetInt32();

    private void KillTwin(Machine node)
    {
        int twin = TwinOf(node);
        Assert.AreNotEqual(0, twin, $"{_server.Name} has a twin on {node.Name}");
        node.Kill(twin);
        Eventually.Reads(() => TwinOf(node), now => now != 0 && now != twin, $"another twin takes over on {node.Name}");
    }

    private static void KillManager(Machine node)
    {
        IReadOnlyList<int> old = node.PidsOf("twinsd");
        Assert.HasCount(1, old, $"twinsd on {node.Name}");
        node.Kill(old[0]);
        Eventually.Holds(() => node.PidsOf("twinsd") is [int now] && now != old[0] && node.Twins("ls").ExitCode == 0, $"twinsd of {node.Name} is back");
    }
}

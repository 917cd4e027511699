using System.Globalization;
using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>Twins and managers are killed with SIGKILL, before, during and after moves.</summary>
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

    /// <summary>The delays are where the fault is put, not what is measured: wherever it falls, the outcome must be right.</summary>
    [TestMethod]
    [DataRow("home")]
    [DataRow("host1")]
    public void ManagerKilled_DuringTheMove_ExactlyOneCopyRuns(string machine)
    {
        Machine node = machine == "home" ? Home : Host1;
        StartServer();
        for (int delay = 0; delay < 300; delay += 30)
        {
            BackgroundProgram migration = StartTwins(Home, "migrate", _server.Name, "--to", "host1");
            migration.WaitFor("preflight");
            Thread.Sleep(delay);
            KillManager(node);
            migration.WaitForEnd();
            FindWhereItRuns(delay);
            AssertGoesOn();
            if (_server.Node != Home)
                MoveTo(Home);
        }
        AssertDone();
    }

    [TestMethod]
    public void TwinKilled_DuringTheMove_ExactlyOneCopyRuns()
    {
        StartServer();
        for (int delay = 0; delay < 300; delay += 30)
        {
            int twin = TwinOf(Home);
            BackgroundProgram migration = StartTwins(Home, "migrate", _server.Name, "--to", "host1");
            migration.WaitFor("preflight");
            Thread.Sleep(delay);
            Home.Kill(twin);
            migration.WaitForEnd();
            FindWhereItRuns(delay);
            AssertGoesOn();
            if (_server.Node != Home)
                MoveTo(Home);
        }
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

    /// <summary>Once the dust has settled: one node runs it, no other has a copy, and both managers say so.</summary>
    private void FindWhereItRuns(int delay)
    {
        Machine[] running = Eventually.Reads<Machine[]>(
            () => [.. TestLab.Nodes.Where(node => node.Runs(_server.Pid))],
            nodes => nodes is [{ } only] && nodes[0].Find(_server.Name) is { } row
                && row.GetProperty("state").GetString() == "running" && row.GetProperty("node").GetString() == only.Name,
            string.Create(CultureInfo.InvariantCulture, $"after a kill at {delay} ms exactly one node runs it"), TimeSpan.FromSeconds(60));
        _server.Node = running[0];
        JsonElement row = _server.Node.Find(_server.Name)!.Value;
        AssertEverywhere(_server, row.GetProperty("epoch").GetInt32());
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

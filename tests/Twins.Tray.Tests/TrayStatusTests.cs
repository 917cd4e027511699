using Twins.Protocol;
using Twins.Tray.Node;
using Twins.Tray.Status;
using static Twins.Tray.Tests.Snapshots;

namespace Twins.Tray.Tests;

[TestClass]
public sealed class TrayStatusTests
{
    [TestMethod]
    public void NothingHeardOfTwinsd_IsDown() =>
        Assert.AreEqual(new TrayStatus(TrayState.Down, "Twins: twinsd doesn't answer", "Twins: twinsd doesn't answer"), TrayStatus.Of(NodeView.Unknown));

    [TestMethod]
    public void UserWithoutRights_IsTroubleWithTheRemedy()
    {
        var status = TrayStatus.Of(new NodeView(NodeLink.Refused, "Become a member.", null));
        Assert.AreEqual(TrayState.Trouble, status.State);
        Assert.AreEqual("Twins: no access to twinsd\nBecome a member.", status.Tooltip);
    }

    [TestMethod]
    [DataRow(0, "Twins on home: no mobile processes")]
    [DataRow(1, "Twins on home: 1 mobile process")]
    [DataRow(2, "Twins on home: 2 mobile processes")]
    public void ProcessesThatRun_AreCounted(int count, string tooltip)
    {
        var status = TrayStatus.Of(View([.. Enumerable.Range(0, count).Select(i => Process($"p{i}"))]));
        Assert.AreEqual(new TrayStatus(TrayState.Running, tooltip, tooltip), status);
    }

    [TestMethod]
    public void ProcessThatHasEnded_IsNotCounted() =>
        Assert.AreEqual("Twins on home: 1 mobile process", TrayStatus.Of(View(Process("a"), Process("b", state: "exited"))).Tooltip);

    [TestMethod]
    [DataRow("migrating")]
    [DataRow("held")]
    public void ProcessOnItsWay_IsMigrating(string state)
    {
        var status = TrayStatus.Of(View(Process("redis", state: state), Process("nginx")));
        Assert.AreEqual(TrayState.Migrating, status.State);
        Assert.AreEqual("Twins on home: 2 mobile processes\nmoving: redis", status.Tooltip);
    }

    [TestMethod]
    public void MigrationUnderWayElsewhere_IsMigrating() =>
        Assert.AreEqual(TrayState.Migrating, TrayStatus.Of(View(Process("redis")).With(Migration("redis", "transfer"))).State);

    [TestMethod]
    public void MigrationThatHasEnded_IsRunning() =>
        Assert.AreEqual(TrayState.Running, TrayStatus.Of(View(Process("redis")).With(Done("redis", 2))).State);

    [TestMethod]
    public void Trouble_GoesBeforeMoves_AndSaysWhatItIs()
    {
        var view = View(Process("redis", state: "in-doubt"), Process("nginx", state: "held"), Process("echo"));
        view.Snapshot!.Nodes[1].Reachable = false;
        view.Snapshot.Processes[2].PausedUntilUnixMilliseconds = 1;
        var status = TrayStatus.Of(NodeView.Of(view.Snapshot));
        Assert.AreEqual(TrayState.Trouble, status.State);
        Assert.AreEqual("Twins on home: 3 mobile processes\nin doubt: redis\nnot reached: host1\nredirecting is paused\nmoving: nginx", status.Tooltip);
    }

    [TestMethod]
    public void Tooltip_IsAsLongAsTheSystemTakes()
    {
        var status = TrayStatus.Of(View([.. Enumerable.Range(10, 40).Select(i => Process($"process-{i}", state: "held"))]));
        Assert.AreEqual(127, status.Tooltip.Length);
        StringAssert.EndsWith(status.Tooltip, "...", StringComparison.Ordinal);
    }
}

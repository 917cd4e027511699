using Twins.Tray.Balloons;
using Twins.Tray.Node;
using static Twins.Tray.Tests.Snapshots;

namespace Twins.Tray.Tests;

[TestClass]
public sealed class AnnouncerTests
{
    private readonly Announcer _announcer = new();

    [TestMethod]
    public void MovesBeforeTheFirstView_AreNotTold()
    {
        Assert.IsEmpty(Hear(View(Process("redis", "host1", epoch: 2)).With(Done("redis", 2))));
        Assert.IsEmpty(Hear(View(Process("redis", "host1", epoch: 2)).With(Done("redis", 2))));
    }

    [TestMethod]
    public void MigrationThatEndsWell_IsToldOnce()
    {
        Hear(View(Process("redis")));
        Assert.IsEmpty(Hear(View(Process("redis", state: "migrating")).With(Migration("redis", "transfer"))));
        var moved = View(Process("redis", "host1", epoch: 2)).With(Done("redis", 2));
        AreEqual([new(BalloonKind.Information, "redis runs on host1", "4 connections moved with it; it stood still for 43 ms.")], Hear(moved));
        Assert.IsEmpty(Hear(moved));
    }

    [TestMethod]
    public void MoveKnownByTheRecordFirst_IsNotToldAgainByItsResult()
    {
        Hear(View(Process("redis")));
        AreEqual([new(BalloonKind.Information, "redis runs on host1", "It moved there from home. 1 connection goes on.")], Hear(View(Process("redis", "host1", epoch: 2, connections: 1))));
        Assert.IsEmpty(Hear(View(Process("redis", "host1", epoch: 2)).With(Done("redis", 2))));
    }

    [TestMethod]
    public void EachMove_IsTold()
    {
        Hear(View(Process("redis")));
        Assert.HasCount(1, Hear(View(Process("redis", "host1", epoch: 2)).With(Done("redis", 2, started: 1))));
        Assert.HasCount(1, Hear(View(Process("redis", "host2", epoch: 3)).With(Done("redis", 3, started: 2))));
        Assert.HasCount(1, Hear(View(Process("redis", "home", epoch: 4))));
    }

    [TestMethod]
    [DataRow(true, false, BalloonKind.Warning, "redis wasn't moved", "It still runs on home, with its connections. restore: PID 7 is taken.")]
    [DataRow(false, true, BalloonKind.Error, "redis is in doubt", "Whether it runs on host1 isn't known yet. restore: PID 7 is taken.")]
    [DataRow(false, false, BalloonKind.Error, "The move of redis failed", "restore: PID 7 is taken.")]
    public void MigrationThatFails_IsToldWithItsCause(bool rolledBack, bool inDoubt, object kind, string title, string text)
    {
        Hear(View(Process("redis")));
        AreEqual([new((BalloonKind)kind, title, text)], Hear(View(Process("redis")).With(Failed("redis", rolledBack, inDoubt))));
    }

    [TestMethod]
    public void HoldByHand_ThatIsGivenUp_IsTold_AndOneThatIsReleasedIsNot()
    {
        Hear(View(Process("echo", state: "held", note: "Held by hand")));
        Assert.IsEmpty(Hear(View(Process("echo"))));
        Hear(View(Process("echo", state: "held", note: "Held by hand")));
        AreEqual([new(BalloonKind.Warning, "echo wasn't moved", "It still runs on home. Released: without a redirect.")], Hear(View(Process("echo", note: "Released: without a redirect."))));
    }

    [TestMethod]
    public void ProcessThatComesInDoubt_IsTold()
    {
        Hear(View(Process("redis", state: "migrating")));
        AreEqual([new(BalloonKind.Error, "redis is in doubt", "host1 doesn't answer.")], Hear(View(Process("redis", state: "in-doubt", note: "host1 doesn't answer."))));
        Assert.IsEmpty(Hear(View(Process("redis", state: "in-doubt", note: "host1 doesn't answer."))));
    }

    [TestMethod]
    public void MoveWhileTwinsdWasAway_IsTold()
    {
        Hear(View(Process("redis")));
        Assert.IsEmpty(Hear(NodeView.Unknown));
        Assert.HasCount(1, Hear(View(Process("redis", "host1", epoch: 2))));
    }

    [TestMethod]
    public void NewAndEndedProcesses_AreNotTold()
    {
        Hear(View());
        Assert.IsEmpty(Hear(View(Process("redis", "host1", epoch: 5))));
        Assert.IsEmpty(Hear(View()));
    }

    [TestMethod]
    public void LongTexts_AreCutToWhatTheSystemTakes()
    {
        var balloon = new Balloon(BalloonKind.Error, new string('a', 100), new string('b', 300));
        Assert.AreEqual(63, balloon.Title.Length);
        Assert.AreEqual(255, balloon.Text.Length);
        StringAssert.EndsWith(balloon.Text, "b...", StringComparison.Ordinal);
    }

    private IReadOnlyList<Balloon> Hear(NodeView view) => _announcer.Hear(view);

    private static void AreEqual(Balloon[] expected, IReadOnlyList<Balloon> told) => Assert.AreEqual(string.Join('\n', (object[])expected), string.Join('\n', told));
}

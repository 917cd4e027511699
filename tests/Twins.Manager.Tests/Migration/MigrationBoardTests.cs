using Twins.Manager.Migration;
using Twins.Manager.Tests.Access;
using Twins.Protocol;

namespace Twins.Manager.Tests.Migration;

/// <summary>How migrations stand, for those who watch.</summary>
[TestClass]
public sealed class MigrationBoardTests
{
    private readonly MigrationBoard _board = new(new SteppedTime());

    [TestMethod]
    public void Steps_AreShownAsTheyGo_AndTheResultEndsThem()
    {
        var standing = _board.Begin("p-1", "redis", "home", "host1");
        Tell(standing, "preflight", 12.5);
        _board.Tell(standing, new MigrationEvent { Progress = new MigrationProgress { Phase = "transfer", Bytes = 5, TotalBytes = 10 } });
        var shown = _board.List().Single();
        Assert.AreEqual(("transfer", 5UL, 10UL, "preflight 12.5"), (shown.Phase, shown.Bytes, shown.TotalBytes, Steps(shown)));
        _board.Tell(standing, Result(frozen: 40));
        shown = _board.List().Single();
        Assert.AreEqual(("", "host1", "commit 3"), (shown.Phase, shown.Result.To, Steps(shown)));
    }

    [TestMethod]
    public void StepThatIsGoneThroughTwice_IsShownOnce()
    {
        var standing = _board.Begin("p-1", "redis", "home", "host1");
        Tell(standing, "hold", 1);
        Tell(standing, "checkpoint", 2);
        Tell(standing, "hold", 4);
        Assert.AreEqual("hold 4, checkpoint 2", Steps(_board.List().Single()));
    }

    [TestMethod]
    public void LastOfAProcess_MakesWayForItsNext_AndOthersStay()
    {
        _board.Tell(_board.Begin("p-1", "redis", "home", "host1"), Result(frozen: 40));
        _board.Begin("p-2", "nginx", "home", "host1");
        _board.Begin("p-1", "redis", "host1", "host2");
        Assert.AreEqual("nginx host1, redis host2", string.Join(", ", _board.List().Select(s => $"{s.Name} {s.To}")));
    }

    [TestMethod]
    public void Outcomes_AreCounted_WhereThisNodeCarriedThemOut()
    {
        _board.Tell(_board.Begin("p-1", "redis", "home", "host1"), Result(frozen: 40));
        _board.Tell(_board.Begin("p-1", "redis", "home", "host1"), Result(frozen: 60));
        _board.Tell(_board.Begin("p-2", "nginx", "host1", "host2"), Result(frozen: 1000), isOurs: false);
        _board.Tell(_board.Begin("p-3", "echo", "home", "host1"), new MigrationEvent { Failure = new MigrationFailure { RolledBack = true } });
        _board.Tell(_board.Begin("p-4", "echo", "home", "host1"), new MigrationEvent { Failure = new MigrationFailure { InDoubt = true } });
        var metrics = new MetricsReply();
        _board.Fill(metrics);
        Assert.AreEqual("committed 2, in-doubt 1, rolled-back 1", string.Join(", ", metrics.Migrations.OrderBy(o => o.Key, StringComparer.Ordinal).Select(o => $"{o.Key} {o.Value}")));
        Assert.AreEqual((0.1, 0.06), (Math.Round(metrics.FrozenSeconds, 6), metrics.LastFrozenSeconds));
    }

    [TestMethod]
    public void Board_IsBounded()
    {
        for (var count = 0; count < 150; count++)
            _board.Begin($"p-{count}", "redis", "home", "host1");
        Assert.HasCount(100, _board.List());
        Assert.AreEqual("p-149", _board.List()[^1].ProcessId);
    }

    private void Tell(MigrationStanding standing, string phase, double milliseconds) =>
        _board.Tell(standing, new MigrationEvent { Progress = new MigrationProgress { Phase = phase, Milliseconds = milliseconds } });

    private static MigrationEvent Result(double frozen) => new()
    {
        Result = new MigrationResult { To = "host1", FrozenMilliseconds = frozen, Phases = { new MigrationPhase { Name = "commit", Milliseconds = 3 } } },
    };

    private static string Steps(MigrationStanding standing) =>
        string.Join(", ", standing.Phases.Select(p => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{p.Name} {p.Milliseconds}")));
}

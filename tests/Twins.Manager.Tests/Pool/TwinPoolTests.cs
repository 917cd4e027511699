using Twins.Manager.Checkpoint;
using Twins.Manager.Pool;
using Twins.Manager.Tests.Processes;
using Twins.Protocol;

namespace Twins.Manager.Tests.Pool;

[TestClass]
public sealed class TwinPoolTests
{
    private const int SigStop = 19;
    private const int SigKill = 9;
    private const int ConnectedAgain = 1005;
    private const int Lost = 1003;

    [TestMethod]
    public async Task ConnectionThatEnds_WorkerLives_IsMadeAgainAndNothingIsForgotten()
    {
        await using var fixture = new PoolFixture();
        var pool = await fixture.StartAsync();
        var twin = await TakeAsync(pool);
        var worker = fixture.Worker(twin);
        fixture.Cut(twin);
        var status = await UntilAnswered(twin);
        Assert.AreEqual(worker.Pid, status.Pid);
        Assert.AreEqual("p1", status.Processes.Single().ProcessId);
        // The connection is there a moment before it is told of.
        for (var i = 0; i < 500 && fixture.Log.Count(ConnectedAgain) == 0; i++)
            await Task.Delay(10);
        Assert.AreEqual(1, fixture.Log.Count(ConnectedAgain));
        Assert.AreEqual(0, fixture.Log.Count(Lost));
        Assert.IsEmpty(fixture.Replaced);
    }

    [TestMethod]
    public async Task WorkerThatLivesAndCannotBeReached_IsEndedBeforeAnotherTakesItsQueue()
    {
        await using var fixture = new PoolFixture();
        var pool = await fixture.StartAsync();
        var twin = await TakeAsync(pool);
        var worker = fixture.Worker(twin);
        File.Delete(twin.ControlPath);
        fixture.Cut(twin);
        await AssertReplacedAsync(fixture, twin, worker);
    }

    [TestMethod]
    public async Task WorkerThatHangs_ItsConnectionEnds_IsReplaced()
    {
        await using var fixture = new PoolFixture();
        var pool = await fixture.StartAsync();
        var twin = await TakeAsync(pool);
        var worker = fixture.Worker(twin);
        worker.Signal(SigStop);
        fixture.Cut(twin);
        await AssertReplacedAsync(fixture, twin, worker);
    }

    [TestMethod]
    public async Task WorkerThatIsKilled_IsReplacedOnTheSameQueue()
    {
        await using var fixture = new PoolFixture();
        var pool = await fixture.StartAsync();
        var twin = await TakeAsync(pool);
        var worker = fixture.Worker(twin);
        worker.Signal(SigKill);
        await AssertReplacedAsync(fixture, twin, worker);
    }

    [TestMethod]
    public async Task AfterARestart_WorkersAreAdopted()
    {
        await using var fixture = new PoolFixture();
        var before = await TakeAsync(await fixture.StartAsync());
        var after = (await fixture.StartAsync()).Twins;
        var twin = after.Single(t => t.Queue == before.Queue);
        Assert.AreEqual(before.Pid, twin.Pid);
        Assert.IsTrue(twin.IsAdopted);
        Assert.AreEqual("p1", (await UntilAnswered(twin)).Processes.Single().ProcessId);
    }

    [TestMethod]
    public async Task AfterARestart_WorkerWithoutItsEndpoint_IsEndedAndItsQueueCanBeReclaimed()
    {
        await using var fixture = new PoolFixture();
        var before = await TakeAsync(await fixture.StartAsync());
        var worker = fixture.Worker(before);
        File.Delete(before.ControlPath);
        var pool = await fixture.StartAsync();
        Assert.IsTrue(worker.WaitForExit(TimeSpan.FromSeconds(5)));
        var twin = await pool.ReclaimAsync(before.Queue, "p1", CancellationToken.None);
        fixture.Worker(twin);
        Assert.AreEqual(before.Queue, twin.Queue);
        Assert.IsFalse(twin.IsAdopted);
        Assert.IsEmpty((await UntilAnswered(twin)).Processes);
    }

    [TestMethod]
    public async Task TwinThatCannotStart_IsExplained()
    {
        await using var fixture = new PoolFixture();
        var pool = await fixture.StartAsync();
        var twin = pool.Twins.Single();
        // The next queue is another worker's: the kernel refuses a second one.
        using var rival = await fixture.StartRivalAsync(twin.Queue + 1);
        await TakeAsync(pool);
        var explained = $"The twin on queue {twin.Queue + 1} ended at once, with exit code 4";
        Wait.Until(() => fixture.Log.Contains(explained), said => said);
        Assert.IsTrue(fixture.Log.Contains(explained));
        Assert.IsFalse(rival.WaitForExit(TimeSpan.Zero), "it isn't the pool's to end");
        rival.Signal(SigKill);
    }

    private static async Task<Twin> TakeAsync(TwinPool pool)
    {
        var twin = await pool.TakeAsync("p1", CancellationToken.None);
        await twin.SendAsync(new TwinRequest { ProcessId = "p1", Epoch = 1, CreateNewConnection = new CreateNewConnection() });
        return twin;
    }

    private static async Task AssertReplacedAsync(PoolFixture fixture, Twin twin, ProcessHandle worker)
    {
        Assert.IsTrue(await Task.Run(() => worker.WaitForExit(TimeSpan.FromSeconds(30))), "the old worker ends");
        Wait.Until(() => fixture.Replaced.Count, count => count == 1);
        Assert.AreSame(twin, fixture.Replaced.Single());
        fixture.Worker(twin);
        var status = await UntilAnswered(twin);
        Assert.AreNotEqual(worker.Pid, status.Pid);
        Assert.AreEqual((uint)twin.Queue, status.Queue);
        Assert.IsEmpty(status.Processes);
        Assert.AreEqual(1, fixture.Log.Count(Lost));
    }

    private static async Task<TwinStatus> UntilAnswered(Twin twin)
    {
        for (var started = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(20); await Task.Delay(10))
        {
            try
            {
                return (await twin.SendAsync(new TwinRequest { Status = new Status() })).Status;
            }
            catch (TwinException)
            {
                // No connection just now.
            }
        }

        throw new AssertFailedException("The twin doesn't answer.");
    }
}

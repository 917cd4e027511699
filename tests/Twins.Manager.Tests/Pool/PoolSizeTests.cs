using Twins.Manager.Pool;
using Twins.Manager.Tests.Processes;
using Twins.Protocol;

namespace Twins.Manager.Tests.Pool;

/// <summary>The settings <c>readyTwins</c> and <c>processesPerTwin</c>.</summary>
[TestClass]
public sealed class PoolSizeTests
{
    [TestMethod]
    public async Task TwinThatIsFull_AnotherIsUsed_AndTheFirstAgainWhenItHasRoom()
    {
        await using var fixture = new PoolFixture(readyTwins: 1, processesPerTwin: 2);
        var pool = await fixture.StartAsync();
        var first = await pool.TakeAsync("p1", CancellationToken.None);
        Assert.AreSame(first, await pool.TakeAsync("p2", CancellationToken.None));
        Assert.AreSame(first, await pool.TakeAsync("p2", CancellationToken.None), "it has it already");
        var second = await pool.TakeAsync("p3", CancellationToken.None);
        Assert.AreNotSame(first, second);
        Assert.AreNotEqual(first.Pid, second.Pid);
        Assert.AreSame(second, await pool.TakeAsync("p4", CancellationToken.None));
        TwinPool.Return(first, "p1");
        Assert.AreSame(first, await pool.TakeAsync("p5", CancellationToken.None));
        Assert.AreEqual("2 2", $"{first.ProcessCount} {second.ProcessCount}");
    }

    [TestMethod]
    public async Task TwinTaken_ThePoolIsRefilledBehindIt()
    {
        await using var fixture = new PoolFixture(readyTwins: 2, processesPerTwin: 1);
        var pool = await fixture.StartAsync();
        Assert.HasCount(2, pool.Twins);
        var taken = await pool.TakeAsync("p1", CancellationToken.None);
        Assert.AreEqual(2, Ready(pool, 2));
        // What has come is ready indeed: it answers, and has a queue of its own.
        var added = pool.Twins.Single(t => t.Queue == 7402);
        Assert.AreEqual(7402u, (await added.SendAsync(new TwinRequest { Status = new Status() })).Status.Queue);

        // One that comes back is one more, and isn't made again.
        TwinPool.Return(taken, "p1");
        Assert.AreEqual(3, Ready(pool, 3));
        await pool.TakeAsync("p2", CancellationToken.None);
        Assert.AreEqual(2, Ready(pool, 2));
        await pool.TakeAsync("p3", CancellationToken.None);
        Assert.AreEqual(2, Ready(pool, 2));
        Assert.HasCount(4, pool.Twins);
    }

    [TestMethod]
    public async Task NoneIsKeptReady_OneIsMadeWhenItIsNeeded()
    {
        await using var fixture = new PoolFixture(readyTwins: 0);
        var pool = await fixture.StartAsync();
        Assert.IsEmpty(pool.Twins);
        var twin = await pool.TakeAsync("p1", CancellationToken.None);
        fixture.Worker(twin);
        Assert.AreEqual((uint)twin.Queue, (await twin.SendAsync(new TwinRequest { Status = new Status() })).Status.Queue);
        Assert.HasCount(1, pool.Twins);
    }

    private static int Ready(TwinPool pool, int expected) => Wait.Until(() => pool.Twins.Count(t => t.ProcessCount == 0), ready => ready == expected);
}

namespace Twins.Table.Tests;

[TestClass]
public sealed class FencingTests : StoreTests
{
    [TestMethod]
    public void Update_WithAStaleEpoch_IsRefusedAndNamesTheEpochThatStands()
    {
        Store.TryAdd(Sample.Process());
        Assert.IsTrue(Store.TryUpdate(Sample.Process() with { Epoch = 4 }, 3).IsDone);
        var refused = Store.TryUpdate(Sample.Process() with { Epoch = 4, Note = "late" }, 3);
        Assert.AreEqual(TableOutcome.StaleEpoch, refused.Outcome);
        Assert.AreEqual(4ul, refused.Epoch);
        Assert.AreEqual("moved for \"maintenance\"", Store.Find("p-1f3a9c20")?.Note);
        Assert.AreEqual(TableOutcome.StaleEpoch, Store.TryUpdate(Sample.Process() with { Epoch = 9 }, 9).Outcome);
        Assert.AreEqual(TableOutcome.StaleEpoch, Store.TryAddFlows("p-1f3a9c20", 3, Sample.Flow(0)).Outcome);
        Assert.AreEqual(TableOutcome.NotFound, Store.TryUpdate(Sample.Process("p-none", "none"), 3).Outcome);
    }

    [TestMethod]
    public void Update_ThatLowersTheEpoch_IsAProgrammersMistake()
    {
        Store.TryAdd(Sample.Process());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Store.TryUpdate(Sample.Process() with { Epoch = 2 }, 3));
        Assert.ThrowsExactly<ArgumentException>(() => Store.TryChange("p-1f3a9c20", 3, record => record with { Epoch = 1 }));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Store.TryPut(Sample.Process() with { Epoch = ulong.MaxValue }));
        Assert.AreEqual(3ul, Store.Find("p-1f3a9c20")?.Epoch);
    }

    [TestMethod]
    public void EachEpoch_IsWonByExactlyOneOfManyThreads()
    {
        Store.TryAdd(Sample.Process() with { Epoch = 0 });
        var wins = new int[50];
        Parallel.For(0, 8, _ =>
        {
            for (ulong epoch = 0; epoch < 50; epoch++)
            {
                if (Store.TryUpdate(Sample.Process() with { Epoch = epoch + 1 }, epoch).IsDone)
                    Interlocked.Increment(ref wins[epoch]);
            }
        });
        Assert.IsTrue(wins.All(count => count == 1));
        Assert.AreEqual(50ul, Store.Find("p-1f3a9c20")?.Epoch);
    }

    [TestMethod]
    public void Changes_OfManyThreads_LoseNoneOfThem()
    {
        Store.TryAdd(Sample.Process() with { Pid = 0 });
        Parallel.For(0, 200, _ => Store.TryChange("p-1f3a9c20", 3, record => record with { Pid = record.Pid + 1 }));
        Assert.AreEqual(200, Store.Find("p-1f3a9c20")?.Pid);
    }
}

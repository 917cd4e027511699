namespace Twins.Table.Tests;

[TestClass]
public sealed class FencingTests : StoreTests
{
    [TestMethod]
    public void Update_WithAStaleEpoch_IsRefusedAndNamesTheEpochThatStands()
    {
        Store.TryAdd(Sample.Process());
        Assert.IsTrue(Store.TryChange("p-1f3a9c20", 3, record => record with { Epoch = 4 }).IsDone);
        var refused = Store.TryChange("p-1f3a9c20", 3, record => record with { Epoch = 4, Note = "late" });
        Assert.AreEqual(TableOutcome.StaleEpoch, refused.Outcome);
        Assert.AreEqual(4ul, refused.Epoch);
        Assert.AreEqual("moved for \"maintenance\"", Store.Find("p-1f3a9c20")?.Note);
        Assert.AreEqual(TableOutcome.StaleEpoch, Store.TryChange("p-1f3a9c20", 9, record => record with { Epoch = 9 }).Outcome);
        Assert.AreEqual(TableOutcome.StaleEpoch, Store.TryAddFlows("p-1f3a9c20", 3, Sample.Flow(0)).Outcome);
        Assert.AreEqual(TableOutcome.NotFound, Store.TryChange("p-none", 3, record => record).Outcome);
    }

    [TestMethod]
    public void Update_ThatLowersTheEpoch_IsAProgrammersMistake()
    {
        Store.TryAdd(Sample.Process());
        Assert.ThrowsExactly<ArgumentException>(() => Store.TryChange("p-1f3a9c20", 3, record => record with { Epoch = 2 }));
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
                if (Store.TryChange("p-1f3a9c20", epoch, record => record with { Epoch = record.Epoch + 1 }).IsDone)
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

namespace Twins.Table.Tests;

[TestClass]
public sealed class WatchTests : StoreTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    [TestMethod]
    public async Task Watcher_GetsTheTableFirst_ThenWhatChanges()
    {
        Store.TryAdd(Sample.Process());
        using var deadline = new CancellationTokenSource(Deadline);
        await using var changes = Store.WatchAsync(deadline.Token).GetAsyncEnumerator(CancellationToken.None);

        Assert.IsTrue(await changes.MoveNextAsync());
        Assert.IsTrue(changes.Current.IsSnapshot);
        Assert.AreEqual("redis", changes.Current.Records.Single().Name);

        Store.TryAdd(Sample.Process("p-2", "nginx"));
        Assert.IsTrue(await changes.MoveNextAsync());
        Assert.IsFalse(changes.Current.IsSnapshot);
        Assert.AreEqual("nginx", changes.Current.Records.Single().Name);

        Store.TryDelete("p-2", 3);
        Assert.IsTrue(await changes.MoveNextAsync());
        Assert.IsEmpty(changes.Current.Records);
        Assert.AreEqual("p-2", changes.Current.Removed.Single());
    }

    [TestMethod]
    public async Task SlowWatcher_GetsOneAnswerWithTheNewestRecords()
    {
        Store.TryAdd(Sample.Process());
        await using var changes = Store.WatchAsync(CancellationToken.None).GetAsyncEnumerator();
        await changes.MoveNextAsync();
        for (ulong epoch = 3; epoch < 53; epoch++)
            Store.TryChange("p-1f3a9c20", epoch, record => record with { Epoch = record.Epoch + 1 });
        Store.TryChange("p-1f3a9c20", 3, record => record);
        Assert.IsTrue(await changes.MoveNextAsync());
        Assert.AreEqual(53ul, changes.Current.Records.Single().Epoch);
    }

    [TestMethod]
    public async Task WatcherFarBehind_GetsTheWholeTableAgain()
    {
        await using var changes = Store.WatchAsync(CancellationToken.None).GetAsyncEnumerator();
        await changes.MoveNextAsync();
        Assert.IsEmpty(changes.Current.Records);
        for (var number = 0; number < 4100; number++)
            Store.TryAdd(Sample.Process($"p-{number}", $"n-{number}"));
        Assert.IsTrue(await changes.MoveNextAsync());
        Assert.IsTrue(changes.Current.IsSnapshot);
        Assert.HasCount(4100, changes.Current.Records);
    }

    [TestMethod]
    public async Task Watch_EndsWithTheStore_AndByCancellation()
    {
        using var stop = new CancellationTokenSource();
        var ended = Task.Run(async () =>
        {
            await foreach (var _ in Store.WatchAsync())
                stop.Cancel();
        });
        await Assert.ThrowsAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in Store.WatchAsync(stop.Token))
            {
            }
        });
        Store.Dispose();
        await ended.WaitAsync(Deadline);
    }
}

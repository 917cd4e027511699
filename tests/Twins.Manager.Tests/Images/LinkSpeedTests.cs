using Twins.Manager.Images;
using Twins.Protocol;

namespace Twins.Manager.Tests.Images;

[TestClass]
public sealed class LinkSpeedTests
{
    private string Root { get; set; } = null!;

    public TestContext TestContext { get; set; } = null!;

    [TestInitialize]
    public void Begin() => Root = Directory.CreateTempSubdirectory("twins-link-").FullName;

    [TestCleanup]
    public void End() => Directory.Delete(Root, recursive: true);

    [TestMethod]
    public async Task FastLink_Blocks_GoAsTheyAre()
    {
        var chunks = await SendAsync(bytesPerSecond: 1_000_000_000);

        Assert.IsTrue(chunks.TrueForAll(chunk => chunk.Plain));
    }

    [TestMethod]
    public async Task SlowLink_BlocksAfterTheFirstWindow_AreCompressed()
    {
        var chunks = await SendAsync(bytesPerSecond: 10_000_000);

        Assert.IsTrue(chunks[0].Plain);
        Assert.IsFalse(chunks[^1].Plain);
        Assert.IsLessThan(1000, chunks[^1].Data.Length, "512 KiB of zeros");
    }

    /// <summary>Sends 32 MiB of zeros; the clock goes on only with what is written.</summary>
    private async Task<List<ImageChunk>> SendAsync(long bytesPerSecond)
    {
        var file = Path.Combine(Root, "pages-1.img");
        File.WriteAllBytes(file, new byte[32 << 20]);
        var clock = new Clock();
        var chunks = new List<ImageChunk>();
        using var sender = new ImageSender("m-1", clock);
        await sender.SendAsync(
            [new ImageFile(file, "pages-1.img", IsSideFile: false)],
            chunk =>
            {
                clock.Ticks += chunk.Data.Length * TimeSpan.TicksPerSecond / bytesPerSecond;
                chunks.Add(chunk);
                return Task.CompletedTask;
            },
            null,
            TestContext.CancellationToken);
        return chunks;
    }

    private sealed class Clock : TimeProvider
    {
        public long Ticks { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Ticks;
    }
}

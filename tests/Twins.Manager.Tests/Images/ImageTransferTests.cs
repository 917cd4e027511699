using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Google.Protobuf;
using Twins.Manager.Images;
using Twins.Protocol;

namespace Twins.Manager.Tests.Images;

[TestClass]
public sealed class ImageTransferTests
{
    private static readonly Dictionary<string, string> s_none = [];

    public TestContext TestContext { get; set; } = null!;

    private string Root { get; set; } = null!;

    [TestInitialize]
    public void Begin() => Root = Directory.CreateTempSubdirectory("twins-images-").FullName;

    [TestCleanup]
    public void End() => Directory.Delete(Root, recursive: true);

    private string NewFolder(string name) => Directory.CreateDirectory(Path.Combine(Root, name)).FullName;

    [TestMethod]
    public async Task Images_SentAndReceived_AreTheSameFiles()
    {
        var source = NewFolder("source");
        var random = new Random(1);
        var large = new byte[8 * 1024 * 1024];
        random.NextBytes(large.AsSpan(0, large.Length / 2));
        File.WriteAllBytes(Path.Combine(source, "pages-1.img"), large);
        File.WriteAllBytes(Path.Combine(source, "core-17.img"), [1, 2, 3]);
        File.WriteAllBytes(Path.Combine(source, "empty.img"), []);
        File.WriteAllText(Path.Combine(source, "dump.log"), "not sent");
        var log = Path.Combine(Root, "output.log");
        File.WriteAllText(log, "hello\n");
        var target = NewFolder("target");
        var targetLog = Path.Combine(Root, "moved.log");
        var files = ImageFile.Of(source).Append(new ImageFile(log, "stdout", true)).ToList();

        for (var round = 0; round < 3; round++)
        {
            Directory.Delete(target, recursive: true);
            NewFolder("target");
            var watch = Stopwatch.StartNew();
            var totals = await TransferAsync(files, target, new() { ["stdout"] = targetLog });
            TestContext.WriteLine($"8 MiB in {watch.Elapsed.TotalMilliseconds:F1} ms, {totals.WireBytes} octets on the wire");
            Assert.AreEqual(new ImageTransferTotals(4, 8 * 1024 * 1024 + 3 + 6, totals.WireBytes), totals);
        }

        CollectionAssert.AreEqual(large, File.ReadAllBytes(Path.Combine(target, "pages-1.img")));
        CollectionAssert.AreEqual(new byte[] { 1, 2, 3 }, File.ReadAllBytes(Path.Combine(target, "core-17.img")));
        Assert.AreEqual(0, new FileInfo(Path.Combine(target, "empty.img")).Length);
        Assert.AreEqual("hello\n", File.ReadAllText(targetLog));
        Assert.IsFalse(File.Exists(Path.Combine(target, "dump.log")));
    }

    [TestMethod]
    public async Task PagesSentBefore_AreLeftOutOfTheImages_WhereverTheyAreNow()
    {
        var memory = new byte[600 * 4096];
        new Random(2).NextBytes(memory);
        // The same content twice, and a page of zeros.
        memory.AsSpan(0, 4096).CopyTo(memory.AsSpan(300 * 4096));
        memory.AsSpan(5 * 4096, 4096).Clear();
        var image = new byte[700 * 4096];
        memory.AsSpan(200 * 4096, 400 * 4096).CopyTo(image);
        memory.AsSpan(0, 200 * 4096).CopyTo(image.AsSpan(400 * 4096));
        new Random(3).NextBytes(image.AsSpan(100 * 4096, 3 * 4096));
        var source = NewFolder("source");
        File.WriteAllBytes(Path.Combine(source, "pages-1.img"), image);
        File.WriteAllBytes(Path.Combine(source, "pages-2.img"), memory[..4097]);
        File.WriteAllBytes(Path.Combine(source, "core-1.img"), memory[..4096]);
        var target = NewFolder("target");
        using var sender = new ImageSender("m1");

        var before = await TransferAsync(write => sender.SendPagesAsync([memory.AsMemory(0, 100 * 4096), memory.AsMemory(100 * 4096)], write, null, TestContext.CancellationToken), target, s_none);
        var images = await TransferAsync(write => sender.SendAsync(ImageFile.Of(source), write, null, TestContext.CancellationToken), target, s_none);

        Assert.AreEqual(599 * 4096, before.PlainBytes);
        Assert.AreEqual(new ImageTransferTotals(3, 701 * 4096 + 4097, 3 * 4096 + 4097 + 4096), images, "sent: what changed, what is no whole page, and what is no memory");
        CollectionAssert.AreEqual(image, File.ReadAllBytes(Path.Combine(target, "pages-1.img")));
        CollectionAssert.AreEqual(memory[..4097], File.ReadAllBytes(Path.Combine(target, "pages-2.img")));
        CollectionAssert.AreEqual(memory[..4096], File.ReadAllBytes(Path.Combine(target, "core-1.img")));
    }

    [TestMethod]
    public async Task Stream_RefersToPagesThatHaveNotCome_IsRefused() =>
        await AssertRefusedAsync("image-refused", new ImageChunk { File = "pages-1.img", Plain = true, Known = { 1 } });

    [TestMethod]
    public async Task Stream_RefersToAPageBehindThoseThatHaveCome_IsRefused()
    {
        var target = NewFolder("target");
        using var sender = new ImageSender("m1");
        await TransferAsync(write => sender.SendPagesAsync([new byte[4096]], write, null, TestContext.CancellationToken), target, s_none);
        var stream = Stream([new ImageChunk { File = "pages-1.img", Plain = true, Known = { 1, 2 } }]);
        var failure = await Assert.ThrowsExactlyAsync<ImageTransferException>(() => new ImageReceiver(target, 1 << 20, s_none, null).ReceiveAsync(stream, TestContext.CancellationToken));
        Assert.AreEqual("image-refused", failure.Code, failure.Message);
    }

    [TestMethod]
    [DataRow(4095, 1u)]
    [DataRow(4096, 2u)]
    [DataRow(8192, 1u)]
    public async Task Stream_DataThatDoesNotFitTheNumbers_IsRefused(int octets, uint pages)
    {
        var chunk = new ImageChunk { File = "pages-1.img", Plain = true, Data = ByteString.CopyFrom(new byte[octets]) };
        for (var i = 0; i < pages; i++)
            chunk.Known.Add(0);
        await AssertRefusedAsync("image-refused", chunk);
    }

    [TestMethod]
    public async Task Stream_MorePagesThanABlockMayHave_IsRefused()
    {
        var chunk = new ImageChunk { File = "pages-1.img", Plain = true };
        chunk.Known.AddRange(Enumerable.Repeat(1u, (4 << 20) / 4096 + 1));
        await AssertRefusedAsync("image-refused", chunk);
    }

    [TestMethod]
    [DataRow("../evil")]
    [DataRow("/etc/passwd")]
    [DataRow(".hidden")]
    [DataRow("a\\b")]
    public async Task Stream_NameThatIsNoPlainFile_IsRefused(string name) =>
        await AssertRefusedAsync("image-refused", new ImageChunk { File = name, Last = true });

    [TestMethod]
    public async Task Stream_SideFileThatWasNotAnnounced_IsRefused() =>
        await AssertRefusedAsync("image-refused", new ImageChunk { File = "stdout", SideFile = true, Last = true });

    [TestMethod]
    public async Task Stream_WithoutName_IsRefused() =>
        await AssertRefusedAsync("image-refused", new ImageChunk { Last = true });

    [TestMethod]
    public async Task Stream_EndsInsideFile_IsCutShort() =>
        await AssertRefusedAsync("image-cut-short", new ImageChunk { File = "a.img" });

    [TestMethod]
    public async Task Stream_GarbageInsteadOfFrame_IsDamaged() =>
        await AssertRefusedAsync("image-damaged", new ImageChunk { File = "a.img", Data = ByteString.CopyFromUtf8("garbage!garbage!garbage!") });

    [TestMethod]
    public async Task Stream_WrongHash_IsDamaged() =>
        await AssertRefusedAsync("image-damaged", new ImageChunk { File = "a.img", Last = true, Sha256 = ByteString.CopyFrom(new byte[32]) });

    [TestMethod]
    public async Task Stream_ChunkTooLarge_IsRefused() =>
        await AssertRefusedAsync("image-refused", new ImageChunk { File = "a.img", Data = ByteString.CopyFrom(new byte[(1 << 20) + 1]) });

    [TestMethod]
    public async Task Stream_MoreThanTheLimit_IsDiskFull()
    {
        var source = NewFolder("source");
        File.WriteAllBytes(Path.Combine(source, "a.img"), new byte[1001]);
        var target = NewFolder("target");

        var failure = await Assert.ThrowsExactlyAsync<ImageTransferException>(() => TransferAsync(ImageFile.Of(source), target, s_none, 1000));

        Assert.AreEqual("disk-full", failure.Code);
        Assert.AreEqual(
            $"The images don't fit into {Root}: there is room for 1000 octets, and more come. Free space there, or set imageDirectory elsewhere; they need about twice the memory of the process on their way.",
            failure.Message);
        Assert.IsFalse(Directory.Exists(target));
    }

    [TestMethod]
    public async Task Stream_WhatCannotBeWritten_IsDiskFull()
    {
        var target = NewFolder("target");
        Dictionary<string, string> sideFiles = new() { ["stdout"] = "/dev/full" };
        ImageChunk[] chunks = [new() { File = "stdout", SideFile = true, Plain = true, Data = ByteString.CopyFromUtf8("hello") }];

        var failure = await Assert.ThrowsExactlyAsync<ImageTransferException>(
            () => new ImageReceiver(target, 1 << 20, sideFiles, null).ReceiveAsync(Stream(chunks), TestContext.CancellationToken));

        Assert.AreEqual("disk-full", failure.Code);
        Assert.Contains("there is no room for what comes: No space left on device", failure.Message);
        Assert.Contains("Free space there, or set imageDirectory elsewhere", failure.Message);
    }

    [TestMethod]
    public async Task Stream_ThatBreaks_IsNoFullDisk()
    {
        var target = NewFolder("target");
        var failure = await Assert.ThrowsExactlyAsync<IOException>(() => new ImageReceiver(target, 1 << 20, s_none, null).ReceiveAsync(Breaking(), TestContext.CancellationToken));
        Assert.AreEqual("the link broke", failure.Message);

        static async IAsyncEnumerable<ImageChunk> Breaking()
        {
            await Task.Yield();
            yield return new ImageChunk { File = "a.img" };
            throw new IOException("the link broke");
        }
    }

    private async Task AssertRefusedAsync(string code, params ImageChunk[] chunks)
    {
        var target = NewFolder("target");
        var receiver = new ImageReceiver(target, 1 << 20, s_none, null);

        var failure = await Assert.ThrowsExactlyAsync<ImageTransferException>(() => receiver.ReceiveAsync(Stream(chunks), TestContext.CancellationToken));

        Assert.AreEqual(code, failure.Code, failure.Message);
        Assert.Contains(code == "image-refused" ? "Both nodes should run the same version of Twins; try again then." : "Try again; if it stays, ", failure.Message);
        Assert.IsFalse(Directory.Exists(target), "the directory is removed");
    }

    private static async IAsyncEnumerable<ImageChunk> Stream(ImageChunk[] chunks, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var chunk in chunks)
        {
            await Task.Yield();
            cancellationToken.ThrowIfCancellationRequested();
            yield return chunk;
        }
    }

    private async Task<ImageTransferTotals> TransferAsync(IReadOnlyList<ImageFile> files, string target, Dictionary<string, string> sideFiles, long limit = 1 << 30)
    {
        using var sender = new ImageSender("m1");
        return await TransferAsync(write => sender.SendAsync(files, write, null, TestContext.CancellationToken), target, sideFiles, limit);
    }

    private async Task<ImageTransferTotals> TransferAsync(Func<Func<ImageChunk, Task>, Task<ImageTransferTotals>> send, string target, Dictionary<string, string> sideFiles, long limit = 1 << 30)
    {
        var pipe = Channel.CreateBounded<ImageChunk>(4);
        var receiving = new ImageReceiver(target, limit, sideFiles, null).ReceiveAsync(pipe.Reader.ReadAllAsync(TestContext.CancellationToken), TestContext.CancellationToken);
        var sent = await send(chunk => pipe.Writer.WriteAsync(chunk, TestContext.CancellationToken).AsTask());
        pipe.Writer.Complete();
        var received = await receiving;
        Assert.AreEqual(sent, received);
        return received;
    }
}

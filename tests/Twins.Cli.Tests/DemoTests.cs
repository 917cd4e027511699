using Twins.Cli.Demo;
using Twins.Cli.Demo.Load;
using Twins.Cli.Output;

namespace Twins.Cli.Tests;

[TestClass]
[DoNotParallelize]
public sealed class DemoTests
{
    [TestMethod]
    public void Content_FollowsFromItsOffset()
    {
        byte[] start = new byte[16];
        DemoContent.Fill(start, 0);
        // SplitMix64 from seed 0 and from seed 1: the first output of each, little-endian.
        Assert.AreEqual("AFCD1D7B39A820E2C15C0289EC2D0A91", Convert.ToHexString(start));
        byte[] middle = new byte[9];
        DemoContent.Fill(middle, 5);
        CollectionAssert.AreEqual(start[5..14], middle);
    }

    [TestMethod]
    public void WrongByte_IsFoundByItsOffset()
    {
        byte[] received = new byte[100];
        DemoContent.Fill(received, 1000);
        Assert.AreEqual(-1, DemoContent.FirstWrong(received, 1000));
        received[42] ^= 1;
        Assert.AreEqual(1042, DemoContent.FirstWrong(received, 1000));
    }

    [TestMethod]
    public void Silence_IsTheLongestWaitOfItsWindow_OneStillGoingOnIncluded()
    {
        var time = new ManualTime();
        var meter = new SilenceMeter(time);
        Wait(meter, time, 30);
        Wait(meter, time, 20);
        Assert.AreEqual(30, meter.Mark().TotalMilliseconds);
        Wait(meter, time, 10);
        meter.Wait();
        time.Now += 15;
        Assert.AreEqual(15, meter.Mark().TotalMilliseconds);
        Assert.AreEqual(30, meter.Longest.TotalMilliseconds);
    }

    [TestMethod]
    public async Task MoveWithoutTwins_MovesTheProgram_AndBreaksItsClientsConnection()
    {
        await using var cli = new CommandLineFixture { Built = true };
        await using var lab = new DemoLab(cli.Environment());
        await lab.UpAsync(daemons: false, CancellationToken.None);
        WithoutTwinsDocument result = await new MoveWithoutTwins(lab, new DemoState()).RunAsync(CancellationToken.None);
        // At once if bytes of the client were under way at the checkpoint, else when it uses the connection again.
        StringAssert.EndsWith(result.ClientError, "Connection reset by peer");
        Assert.AreEqual(1000, result.KeysMoved);
    }

    [TestMethod]
    public async Task Download_IsCheckedToItsLastByte()
    {
        await using var cli = new CommandLineFixture { Built = true };
        await using var lab = new DemoLab(cli.Environment());
        using var files = new DemoFiles();
        await files.WriteAsync(CancellationToken.None);
        await lab.UpAsync(daemons: false, CancellationToken.None);
        await lab.RunAsync("home", CancellationToken.None, "sh", "-c",
            $"nginx -e stderr -p {files.Directory} -c {files.NginxConfiguration} >/dev/null 2>&1 & :");
        using ClientProcess client = ClientProcess.Start(cli.Environment(), lab.Init("peer"), "nginx",
            ["download", "--host", "home", "--port", "8080", "--path", "/large", "--bytes", "402653184"]);
        await client.UntilWorkingAsync(CancellationToken.None);
        Assert.IsLessThan(1000, await client.MarkAsync(CancellationToken.None));
        ClientReport end = await client.FinishAsync(CancellationToken.None);
        Assert.AreEqual("", end.Error);
        Assert.IsTrue(end.Done);
        Assert.AreEqual(402653184, end.VerifiedBytes);
    }

    [TestMethod]
    public async Task WrongByteInADownload_IsAnError()
    {
        await using var cli = new CommandLineFixture { Built = true };
        await using var lab = new DemoLab(cli.Environment());
        using var files = new DemoFiles();
        await files.WriteAsync(CancellationToken.None);
        await using (FileStream large = File.OpenWrite(Path.Combine(files.Directory, "www", "large")))
        {
            large.Position = 300_000;
            large.WriteByte(0);
        }
        await lab.UpAsync(daemons: false, CancellationToken.None);
        await lab.RunAsync("home", CancellationToken.None, "sh", "-c",
            $"nginx -e stderr -p {files.Directory} -c {files.NginxConfiguration} >/dev/null 2>&1 & :");
        using ClientProcess client = ClientProcess.Start(cli.Environment(), lab.Init("peer"), "nginx",
            ["download", "--host", "home", "--port", "8080", "--path", "/large", "--bytes", "402653184"]);
        Assert.AreEqual("byte 300000 of the download is wrong", (await client.Ended).Error);
    }

    private static void Wait(SilenceMeter meter, ManualTime time, int milliseconds)
    {
        meter.Wait();
        time.Now += milliseconds;
        meter.Heard();
    }

    private sealed class ManualTime : TimeProvider
    {
        public long Now { get; set; }

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Now;
    }
}

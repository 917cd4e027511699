using System.Diagnostics;
using System.Text.Json;
using Twins.Cli.Demo;
using Twins.Cli.Native;

namespace Twins.Cli.Tests;

/// <summary><c>twins demo</c> as users start it, with the built <c>twinsd</c>; needs root. Each test has a lab directory of its own.</summary>
[TestClass]
[DoNotParallelize]
public sealed class WholeDemoTests
{
    private readonly string _lab = Path.Combine("/run", $"twins-demo-test-{Guid.NewGuid():N}"[..28]);

    [TestCleanup]
    public async Task CleanUpAsync()
    {
        ProcessStartInfo start = BuiltCli.Start("lab", "down");
        start.Environment["TWINS_LAB"] = _lab + "-demo";
        using Process down = Process.Start(start)!;
        await down.WaitForExitAsync();
    }

    [TestMethod]
    public async Task WholeDemo_AsJson_MovesBothServersUnderLoad_AndLeavesNothing()
    {
        using var demo = new DemoRun(_lab, BuiltCli.Start("demo", "--json"));
        await demo.UntilSaidAsync("With Twins: nginx moves from host2 to home");
        CommandLineResult result = await demo.EndAsync();
        Assert.AreEqual(0, result.ExitCode, result.Error);
        using JsonDocument document = JsonDocument.Parse(result.Output);
        JsonElement root = document.RootElement;
        Assert.IsTrue(root.GetProperty("succeeded").GetBoolean());
        Assert.AreEqual("", root.GetProperty("error").GetString());
        StringAssert.EndsWith(root.GetProperty("withoutTwins").GetProperty("clientError").GetString(), "Connection reset by peer");
        Assert.AreEqual(
            "redis home host1 2, nginx home host1 2, redis host1 host2 3, nginx host1 host2 3, redis host2 home 4, nginx host2 home 4",
            string.Join(", ", root.GetProperty("moves").EnumerateArray().Select(move =>
                $"{move.GetProperty("name")} {move.GetProperty("from")} {move.GetProperty("to")} {move.GetProperty("epoch")}")));
        foreach (JsonElement move in root.GetProperty("moves").EnumerateArray())
        {
            Assert.AreEqual("preflight prepare hold checkpoint transfer restore commit release",
                string.Join(' ', move.GetProperty("phases").EnumerateArray().Select(phase => phase.GetProperty("name").GetString())));
            Assert.IsGreaterThan(0, move.GetProperty("frozenMilliseconds").GetDouble());
            Assert.IsGreaterThan(0, move.GetProperty("silenceMilliseconds").GetDouble());
        }
        JsonElement[] clients = [.. root.GetProperty("clients").EnumerateArray()];
        Assert.AreEqual("redis nginx", string.Join(' ', clients.Select(client => client.GetProperty("name").GetString())));
        Assert.IsTrue(clients.All(client => client.GetProperty("error").GetString() == ""));
        Assert.IsGreaterThan(0, clients[0].GetProperty("verifiedBytes").GetInt64());
        Assert.AreEqual(402653184, clients[1].GetProperty("verifiedBytes").GetInt64());
        demo.AssertNothingIsLeft();
    }

    [TestMethod]
    public async Task DemoThatWasKilled_IsTidiedUpByTheNext_WhichCtrlCEndsCleanly()
    {
        using var killed = new DemoRun(_lab, BuiltCli.Start("demo", "--json"));
        await killed.UntilSaidAsync("Without Twins: ");
        killed.Signal(LibC.SigKill);
        await killed.EndAsync();
        Assert.IsTrue(File.Exists(killed.Files + "/www/large"));

        using var ofAnother = new DemoFiles();
        using var demo = new DemoRun(_lab, BuiltCli.Start("demo", "--json"));
        await demo.UntilSaidAsync("With Twins: redis moves from home to host1");
        Assert.IsFalse(Directory.Exists(killed.Files), "what the killed one left");
        Assert.IsTrue(Directory.Exists(ofAnother.Directory), "what belongs to a living one");

        using (var second = new DemoRun(_lab, BuiltCli.Start("demo")))
        {
            CommandLineResult refused = await second.EndAsync();
            Assert.AreEqual(1, refused.ExitCode);
            StringAssert.Contains(refused.Error, "twins: the demo failed: another `twins demo` is at work");
        }

        demo.Signal(LibC.SigInt);
        CommandLineResult interrupted = await demo.EndAsync();
        Assert.AreEqual(130, interrupted.ExitCode, interrupted.Error);
        StringAssert.Contains(interrupted.Error, "twins: interrupted");
        Assert.AreEqual("", interrupted.Output);
        killed.AssertNothingIsLeft();
        demo.AssertNothingIsLeft();
    }

    [TestMethod]
    public async Task NoRoomForItsFiles_IsAFailure_ToldAndTidiedUp()
    {
        ProcessStartInfo start = BuiltCli.Start();
        start.FileName = "unshare";
        foreach (string argument in new[]
            { "--mount", "sh", "-c", "mount -t tmpfs -o size=16m twins-test /var/tmp; \"$0\" demo --json; code=$?; ls -A /var/tmp; exit $code", BuiltCli.Path })
        {
            start.ArgumentList.Add(argument);
        }
        using var demo = new DemoRun(_lab, start);
        CommandLineResult result = await demo.EndAsync();
        Assert.AreEqual(1, result.ExitCode);
        StringAssert.Contains(result.Error, "twins: the demo failed: the demo needs 384 MiB in /var/tmp: No space left on device");
        // Nothing of /var/tmp is listed behind it.
        using JsonDocument document = JsonDocument.Parse(result.Output);
        Assert.IsFalse(document.RootElement.GetProperty("succeeded").GetBoolean());
        StringAssert.StartsWith(document.RootElement.GetProperty("error").GetString(), "the demo needs 384 MiB in /var/tmp: No space left on device");
        Assert.IsFalse(Directory.Exists(_lab + "-demo"));
    }
}

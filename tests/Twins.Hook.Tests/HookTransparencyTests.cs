using System.Diagnostics;

namespace Twins.Hook.Tests;

/// <summary>A program does not notice the hook, whatever the other side of its socket does.</summary>
[TestClass]
public sealed class HookTransparencyTests
{
    [TestMethod]
    [DataRow(true, true, DisplayName = "receiver reads")]
    [DataRow(false, true, DisplayName = "receiver does not read: its queue is full")]
    [DataRow(false, false, DisplayName = "no receiver")]
    public void ResultsAndErrno_UnderTheHook_AreThoseWithout(bool reading, bool listening)
    {
        using var bench = new Workbench(reading, listening);
        var (_, bare) = bench.Run(Workbench.Program("results"), [], hooked: false);
        var (exitCode, hooked) = bench.Run(Workbench.Program("results"), []);
        Assert.AreEqual(0, exitCode);
        Assert.AreEqual(bare, hooked);
        Assert.Contains("connect(s, refused, sizeof nobody) = -1, errno 111", hooked);
        Assert.Contains("listen(s, 1) = 0, errno 4242", hooked);
    }

    [TestMethod]
    [DataRow(true, true, DisplayName = "receiver reads")]
    [DataRow(false, true, DisplayName = "receiver does not read: its queue is full")]
    [DataRow(false, false, DisplayName = "no receiver")]
    public void EightThreadsAndForks_UnderTheHook_AllConnectAndNothingStaysOpen(bool reading, bool listening)
    {
        using var bench = new Workbench(reading, listening);
        var (exitCode, output) = bench.Run(Workbench.Program("threads"), ["8", "300"]);
        Assert.AreEqual(0, exitCode);
        Assert.AreEqual("good 2400 children 50 leaked 0 open 0\n", output);
    }

    [TestMethod]
    public void StaticProgram_UnderTheHook_RunsAndTellsNothing()
    {
        using var bench = new Workbench();
        var (exitCode, output) = bench.Run(Workbench.Program("calls-static"), ["4"]);
        Assert.AreEqual(0, exitCode);
        Assert.StartsWith("listener ", output);
        // The dynamic program afterwards is the sign that everything before it has arrived.
        bench.Run(Workbench.Program("fork"), []);
        var messages = bench.Messages(all => all.Count(m => m.Kind == HookMessage.Connect) == 2);
        Assert.AreEqual(2, messages.Count(m => m.Kind == HookMessage.Connect));
        Assert.AreEqual(0, messages.Count(m => m.Kind == HookMessage.Dup));
    }

    [TestMethod]
    public void FullQueue_ManyConnects_CostNoWaiting()
    {
        using var bench = new Workbench(reading: false);
        var watch = Stopwatch.StartNew();
        var (_, output) = bench.Run(Workbench.Program("threads"), ["1", "2000"]);
        Assert.StartsWith("good 2000 ", output);
        // A single blocking send would last for ever; the bound only tells the two apart.
        Assert.IsLessThan(TimeSpan.FromSeconds(30), watch.Elapsed);
    }
}

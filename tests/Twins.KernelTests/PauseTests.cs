using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary><c>twins pause</c> and <c>twins resume</c>: what is redirected stands still for a while, and nothing of it is lost.</summary>
[TestClass]
public sealed class PauseTests : FaultTest
{
    [TestMethod]
    public void RedirectedServer_PausedAndResumed_ConnectionsOldAndNewGoOn()
    {
        StartServer();
        Assert.IsEmpty(Pause(), "one that runs at home isn't redirected");
        MoveTo(Host1);
        Assert.AreEqual("echo", Pause().Single().GetProperty("name").GetString());
        CheckedClient late = Talk("10.77.0.2:7000", "--connections", "2", "--rate", "50");
        AssertHolds();
        AssertPortIsKept();
        JsonElement held = Home.Twins("explain", "echo").Exits(1).Document.EnumerateArray().Single(finding => finding.GetProperty("check").GetString() == "hold");
        Assert.AreEqual("twins resume", held.GetProperty("remedy").GetString());
        Assert.HasCount(1, Resume());
        Assert.IsEmpty(Resume());
        AssertGoesOn();
        late.WaitUntilReady().AssertGoesOn();
        Assert.AreEqual("", Show().GetProperty("note").GetString());
        AssertDone();
        late.Finish();
    }

    [TestMethod]
    public void TwinAndManagerKilled_WhilePaused_ItIsPausedStill()
    {
        StartServer();
        MoveTo(Host1);
        Pause();
        AssertHolds();
        int twin = TwinOf(Home);
        Home.Kill(twin);
        Eventually.Holds(() => TwinOf(Home) is > 0 and var now && now != twin, "another twin is there");
        AssertHolds();
        KillManager(Home);
        AssertHolds();
        Resume();
        AssertGoesOn();
        AssertDone();
    }

    [TestMethod]
    public void PausedServer_Moves_WhichEndsThePause()
    {
        StartServer();
        MoveTo(Host1);
        Pause();
        AssertHolds();
        MoveTo(Host2);
        Assert.IsEmpty(Resume());
        AssertDone();
    }

    [TestMethod]
    public void Pause_LastsForItsTime_AlsoOverARestart()
    {
        Configure(Home, """{ "handWait": "5s" }""");
        try
        {
            StartServer();
            MoveTo(Host1);
            Pause();
            KillManager(Home);
            Eventually.Holds(() => Show().GetProperty("note").GetString() == "", "the pause has ended");
            AssertGoesOn();
            AssertDone();
        }
        finally
        {
            Configure(Home, "{}");
        }
    }

    private static JsonElement.ArrayEnumerator Pause() => Home.Twins("pause").Exits(0).Document.EnumerateArray();

    private static JsonElement.ArrayEnumerator Resume() => Home.Twins("resume").Exits(0).Document.EnumerateArray();

    private static JsonElement Show() => Home.Twins("show", "echo").Exits(0).Document;

    private static void AssertHolds()
    {
        JsonElement shown = Eventually.Reads(Show, shown => shown.GetProperty("heldPackets").GetInt64() > 0, "packets are held");
        StringAssert.StartsWith(shown.GetProperty("note").GetString()!, "Redirecting is paused", StringComparison.Ordinal);
    }
}

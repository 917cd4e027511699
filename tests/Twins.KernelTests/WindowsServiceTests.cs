using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>A whole Windows node whose twinsd is a service, under Wine and its service manager (tests/rigs/winnode).</summary>
[TestClass]
[DoNotParallelize] // one Wine for all
public sealed class WindowsServiceTests : WindowsNodeTest
{

    private protected override WindowsNode StartNode() => WindowsNode.Install(Host2);

    [TestMethod]
    public void Service_StoppedWhileItHolds_ItIsHeldStill_AndReleasedWhenItRunsAgain()
    {
        Assert.AreEqual(5, Node.Twins("ls").ExitCode, "nobody answers");
        int first = StartService();
        Node.Run("echo", WindowsNode.Program("echo.exe"), "7000");
        Eventually.Reads(() => Node.Show("echo"), shown => shown.GetProperty("endpoints").GetArrayLength() > 0, "it listens");
        CheckedClient client = Talk("10.77.0.4:7000", "--connections", "4", "--rate", "200").WaitUntilReady();
        client.AssertGoesOn();
        PeerCounters before = PeerCounters.Read(Peer);
        Node.Twins("hold", "echo").Exits(0);

        Assert.AreEqual("stopped", Node.Twins("service", "stop").Exits(0).Document.GetProperty("state").GetString());
        Assert.AreEqual(5, Node.Twins("ls").ExitCode, "nobody answers any more");
        Assert.AreNotEqual(first, StartService());
        Assert.AreEqual("held", Node.Show("echo").GetProperty("state").GetString());
        Node.Twins("release", "echo").Exits(0);
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();

        Assert.AreEqual("removed", Node.Twins("service", "remove").Exits(0).Document.GetProperty("state").GetString());
        TwinsResult gone = Node.Twins("service", "start").Exits(1);
        Assert.AreEqual("not-installed", gone.Document.GetProperty("error").GetProperty("code").GetString());
    }

    /// <returns>The service's PID.</returns>
    private int StartService()
    {
        JsonElement started = Node.Twins("service", "start").Exits(0).Document;
        Assert.AreEqual("running", started.GetProperty("state").GetString());
        Node.Twins("ls").Exits(0);
        return started.GetProperty("pid").GetInt32();
    }
}

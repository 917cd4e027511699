using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>Listeners with connections that the program hasn't accepted yet.</summary>
[TestClass]
public sealed class BacklogTests : LabTest
{
    [TestMethod]
    public void SlowListener_ConnectionsInItsBacklog_AreAcceptedBeforeItMovesAndGoOn()
    {
        MobileProcess server = RunMobile(Home, "slow", "python3", Repository.Rig("slow_server.py"), "7000", "0.05");
        WaitForListener(Home, 7000);
        PeerCounters before = PeerCounters.Read(Peer);
        CheckedClient client = Talk("10.77.0.2:7000", "--connections", "40", "--rate", "20").WaitUntilReady();
        JsonElement result = server.MigrateTo(Host1);
        Assert.AreEqual(40, result.GetProperty("connections").GetInt32(), result.ToString());
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();
    }

    [TestMethod]
    public void ListenerThatNeverAccepts_MoveIsRolledBack_NoConnectionIsLost()
    {
        MobileProcess server = RunMobile(Home, "slow", "python3", Repository.Rig("slow_server.py"), "7000", "never");
        WaitForListener(Home, 7000);
        PeerCounters before = PeerCounters.Read(Peer);
        CheckedClient client = Talk("10.77.0.2:7000", "--connections", "5", "--rate", "20").WaitUntilReady();
        server.FailToMigrateTo("host1").FailsIn("hold", "backlog-not-drained", "Let it accept them, then try again");
        AssertEverywhere(server, epoch: 1);
        AssertNothingIsLeft();
        // Now it accepts them, and can move.
        Home.Kill(server.Pid, Native.SigUsr1);
        client.AssertGoesOn();
        server.MigrateTo(Host1);
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        client.Finish();
    }
}

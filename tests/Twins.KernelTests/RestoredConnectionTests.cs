using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>What the kernel knows of a connection that was busy before a move, at once after it: nothing has been sent on it yet.</summary>
[TestClass]
public sealed class RestoredConnectionTests : LabTest
{
    [TestMethod]
    public void BusyConnection_AtOnceAfterEachMove_HasItsSegmentSizeScalesBufferAndWindows()
    {
        MobileProcess server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        BackgroundProgram client = Start(Peer, "python3", Repository.Rig("burst.py"), "10.77.0.2", "7000");
        client.WaitFor("ready");
        int bursts = 0;
        foreach (Machine destination in new[] { Host1, Host2, Home })
        {
            BeBusy();
            (ConnectionFacts here, ConnectionFacts there) = Read();
            Assert.IsGreaterThan(200_000, here.ReceiveThreshold, $"the window has grown: {here}");
            server.MigrateTo(destination);
            (ConnectionFacts hereNow, ConnectionFacts thereNow) = Read();
            string context = $"on {destination.Name}: {here}, now {hereNow}; the peer: {there}, now {thereNow}";
            Assert.AreEqual(1448, hereNow.SegmentSize, context);
            Assert.AreEqual(1448, thereNow.SegmentSize, context);
            Assert.AreEqual(here.Scales, hereNow.Scales, context);
            // The kernel takes half of the size and doubles it.
            Assert.AreEqual(here.ReceiveBuffer / 2, hereNow.ReceiveBuffer / 2, context);
            Assert.IsGreaterThanOrEqualTo(here.ReceiveThreshold, hereNow.ReceiveThreshold, context);
            // The peers may have opened their windows further: they tell when they are asked.
            Assert.IsGreaterThanOrEqualTo(here.SendWindow, hereNow.SendWindow, context);
            Assert.IsGreaterThanOrEqualTo(there.SendWindow, thereNow.SendWindow, context);
            // The way is another one: how much it bears is found out anew, as by a new connection.
            Assert.AreEqual(10, hereNow.CongestionWindow, context);
        }
        BeBusy();

        void BeBusy()
        {
            client.Say("20000000");
            bursts++;
            Eventually.Holds(() => client.Output.Split("done").Length > bursts || client.HasEnded, () => $"the echo of 20 MB: {client}");
            Assert.IsFalse(client.HasEnded, client.ToString());
        }

        (ConnectionFacts Server, ConnectionFacts Peer) Read() =>
            (ConnectionFacts.Read(server.Node, "sport = :7000", server.Pid), ConnectionFacts.Read(Peer, "dport = :7000"));
    }
}

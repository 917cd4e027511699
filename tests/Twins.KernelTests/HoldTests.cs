using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary><c>twins hold</c> and <c>twins release</c>, for other people's migrators.</summary>
[TestClass]
public sealed class HoldTests : LabTest
{
    [TestMethod]
    public void HeldProcess_Released_GetsAllThatWasSentToIt()
    {
        MobileProcess server = StartServer();
        CheckedClient client = Talk("10.77.0.2:7000", "--connections", "4", "--rate", "100").WaitUntilReady();
        client.AssertGoesOn();
        PeerCounters before = PeerCounters.Read(Peer);
        Home.Exec(Repository.Cli, "hold", server.Name).Succeeded();
        Eventually.Holds(() => Show(server).GetProperty("heldPackets").GetInt64() > 0, () => $"packets are held: {Show(server)}");
        Assert.AreEqual("held", Show(server).GetProperty("state").GetString());
        Home.Exec(Repository.Cli, "release", server.Name).Succeeded();
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        AssertNothingIsLeft();
        client.Finish();
    }

    [TestMethod]
    public void HoldQueue_Overflows_DropsAreCountedAndTheConnectionsSurvive()
    {
        const int Limit = 65536;
        Configure(Home, $$"""{"holdLimitBytes": {{Limit}}}""");
        try
        {
            MobileProcess server = StartServer();
            CheckedClient client = Talk("10.77.0.2:7000", "--connections", "50", "--rate", "0", "--size", "1000").WaitUntilReady();
            client.AssertGoesOn();
            PeerCounters before = PeerCounters.Read(Peer);
            Home.Exec(Repository.Cli, "hold", server.Name).Succeeded();
            JsonElement shown = Eventually.Reads(() => Show(server),
                now => now.GetProperty("drops").EnumerateObject().Any(drop => drop.Name == "HoldFull" && drop.Value.GetInt64() > 0),
                "drops of a full hold queue are counted");
            Assert.IsLessThanOrEqualTo(Limit, shown.GetProperty("heldBytes").GetInt64(), shown.ToString());
            Home.Exec(Repository.Cli, "release", server.Name).Succeeded();
            client.AssertGoesOn();
            before.AssertNothingEnded(PeerCounters.Read(Peer));
            client.Finish();
        }
        finally
        {
            Configure(Home, "{}");
        }
    }

    private static JsonElement Show(MobileProcess server) => Home.Twins("show", server.Name).Exits(0).Document;

    private MobileProcess StartServer()
    {
        MobileProcess server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        return server;
    }
}

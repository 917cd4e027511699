using Twins.Diversion.Linux;

namespace Twins.Worker.Tests;

[TestClass]
public sealed class ReplacementTests
{
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void KilledTwin_ReplacementOnTheSameQueue_TheStreamGoesOn(bool atHome)
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        var octets = Stream.Octets(20_000_000, 6);
        var sending = Stream.SendAll(peer, octets);
        var receiving = Task.Run(() => Stream.AssertReceives(process, octets));
        var before = Redirected(relay, atHome);
        Eventually.Holds(() => Redirected(relay, atHome) > before + 500, "the stream under way");
        if (atHome)
        {
            relay.HomeTwin.Kill();
            relay.StartHome();
            relay.Migrated();
        }
        else
        {
            relay.HostTwin.Kill();
            relay.StartHost();
            relay.Hosted();
        }

        receiving.GetAwaiter().GetResult();
        Assert.IsTrue(sending.Wait(TimeSpan.FromSeconds(20)));
        Stream.AssertExchange(peer, process, 100_000);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void TwinsdGone_TheTwinLivesOnAndServesTheNext()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        relay.Home.Dispose();
        Stream.AssertExchange(peer, process, 100_000);
        using var second = TestNetwork.NewTcp(relay.Network.Peer);
        var connecting = second.ConnectAsync(TestNetwork.HomeAddress, Relay.Port);
        Eventually.Holds(() => relay.NewHomeClient().Events.Count >= 0 && relay.Home.Status(Relay.Process).HeldPackets >= 1, "the SYN held");

        // Asked while nobody was there, or of somebody who is gone: asked again, of whoever gives a good command.
        relay.NewHomeClient();
        relay.Home.Status(Relay.Process);
        relay.Answer(relay.Home, Protocol.FlowRequested.Types.Origin.Peer);
        Assert.IsTrue(connecting.Wait(TimeSpan.FromSeconds(20)));
        relay.AssertNoResets();
    }

    private static ulong Redirected(Relay relay, bool atHome) =>
        (atHome ? relay.Home : relay.Host).Status(Relay.Process).RedirectedPackets;
}

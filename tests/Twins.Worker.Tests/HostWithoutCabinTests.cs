using System.Net;
using Twins.Diversion.Linux;
using Twins.Protocol;
using Role = Twins.Protocol.TwinProcessStatus.Types.Role;

namespace Twins.Worker.Tests;

/// <summary>The host half as on Windows, where the guest's sockets have the node's address and their packets are diverted as they leave.</summary>
[TestClass]
public sealed class HostWithoutCabinTests
{
    [TestMethod]
    public void PeerConnectsToMovedListener_TheGuestSeesThePeer_AndThePeerHome()
    {
        using var relay = new Relay { IsOnNode = true };
        relay.Start();
        using var listener = relay.ListenOnNode();
        var (peer, process) = relay.Connect(listener);
        Assert.AreEqual("10.99.0.3:7000", process.LocalEndPoint!.ToString());
        Assert.AreEqual(((IPEndPoint)peer.LocalEndPoint!).ToString(), process.RemoteEndPoint!.ToString());
        Stream.AssertExchange(peer, process, 2_000_000);
        Assert.IsTrue(relay.Host.Events.IsEmpty);
        var host = relay.Host.Status(Relay.Process);
        Assert.AreEqual(Role.Hosting, host.Role);
        Assert.AreEqual(1u, host.Flows);
        Assert.IsGreaterThan(1000UL, host.RedirectedPackets);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void HostNotReady_OutboundIsOpenAndInboundDropped()
    {
        using var relay = new Relay { IsOnNode = true };
        relay.Start();
        using var listener = relay.ListenOnNode();
        var (peer, process) = relay.Connect(listener);
        relay.Hosted(epoch: 3, ready: false);
        process.Send([2]);
        Assert.AreEqual(1, peer.Receive(new byte[8]));
        Eventually.Holds(() => relay.Host.Status(Relay.Process).Drops.GetValueOrDefault("HostNotReady") >= 1, "the acknowledgement dropped");
        relay.Host.Do(Relay.Process, 3, request => request.HostReady = new HostReady());
        Stream.AssertExchange(peer, process, 10_000);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void ClosedConnection_IsReported_AndTheSameEndsMayMeetAgain()
    {
        using var relay = new Relay("--linger", "0") { IsOnNode = true };
        relay.Start();
        using var listener = relay.ListenOnNode();
        var (peer, process) = relay.Connect(listener);
        peer.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        Assert.AreEqual(0, process.Receive(new byte[8]));
        process.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        Assert.AreEqual(0, peer.Receive(new byte[8]));
        Assert.AreEqual(relay.Flows[0], relay.Home.NextEvent("home reports the end").FlowsClosed.Flows.Single());
        Assert.AreEqual(relay.Flows[0], relay.Host.NextEvent("the host reports the end").FlowsClosed.Flows.Single());
        Assert.AreEqual(0u, relay.Host.Status(Relay.Process).Flows);
        relay.Flows.Clear();
        (peer, process) = relay.Connect(listener);
        Stream.AssertExchange(peer, process, 10_000);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void KilledTwin_Replacement_TheStreamGoesOn()
    {
        using var relay = new Relay { IsOnNode = true };
        relay.Start();
        using var listener = relay.ListenOnNode();
        var (peer, process) = relay.Connect(listener);
        var octets = Stream.Octets(20_000_000, 6);
        var sending = Stream.SendAll(process, octets);
        var receiving = Task.Run(() => Stream.AssertReceives(peer, octets));
        var before = relay.Host.Status(Relay.Process).RedirectedPackets;
        Eventually.Holds(() => relay.Host.Status(Relay.Process).RedirectedPackets > before + 500, "the stream under way");
        relay.HostTwin.Kill();
        relay.StartHost();
        relay.Hosted();
        receiving.GetAwaiter().GetResult();
        Assert.IsTrue(sending.Wait(TimeSpan.FromSeconds(20)));
        Stream.AssertExchange(peer, process, 100_000);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void LegOfAnotherFamilyThanTheGuests_IsRefused()
    {
        using var relay = new Relay { IsOnNode = true };
        var flow = new Flow
        {
            Connection = new Connection { Transport = Transport.Tcp, Local = Relay.At("10.99.0.2", 7000), Peer = Relay.At("10.99.0.1", 4000) },
            HomeLeg = Relay.At("10.99.0.2", 62_000),
            HostLeg = Relay.At("10.99.0.3", 61_000),
        };
        var reply = relay.Host.Ask(Relay.Process, 2, request =>
        {
            request.Host = new Host { Home = Relay.At("10.99.0.2", 0), Guest = Relay.At("fd99::3", 0) };
            request.Host.Flows.Add(flow);
        });
        Assert.AreEqual(TwinError.TwinInvalid, reply.Error);
        Assert.Contains("family", reply.Message);
    }
}

using System.Net;
using System.Net.Sockets;
using Twins.Diversion;
using Twins.Diversion.Linux;
using Twins.Packets;
using Twins.Protocol;
using Role = Twins.Protocol.TwinProcessStatus.Types.Role;

namespace Twins.Worker.Tests;

[TestClass]
public sealed class RedirectTests
{
    [TestMethod]
    public void PeerConnectsToMovedListener_FlowIsAskedForOnceAndCarriesBothWays()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        Assert.AreEqual(((IPEndPoint)peer.LocalEndPoint!).ToString(), process.RemoteEndPoint!.ToString());
        Stream.AssertExchange(peer, process, 2_000_000);
        Assert.IsTrue(relay.Home.Events.IsEmpty);
        var home = relay.Home.Status(Relay.Process);
        Assert.AreEqual(Role.Redirecting, home.Role);
        Assert.AreEqual(1u, home.Flows);
        Assert.IsGreaterThan(1000UL, home.RedirectedPackets);
        Assert.IsGreaterThan(4_000_000UL, home.RedirectedBytes);
        Assert.AreEqual(0UL, home.HeldPackets);
        Assert.AreEqual(Role.Hosting, relay.Host.Status(Relay.Process).Role);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void ProcessInTheCabinConnectsOut_FlowIsAskedForAndThePeerSeesTheHomeAddress()
    {
        using var relay = new Relay();
        relay.Start();
        using var server = TestNetwork.Listen(relay.Network.Peer, TestNetwork.PeerAddress, 8000);
        using var client = TestNetwork.NewTcp(relay.Cabin);
        var connecting = client.ConnectAsync(TestNetwork.PeerAddress, 8000);
        relay.Answer(relay.Host, FlowRequested.Types.Origin.Cabin);
        using var accepted = server.Accept();
        Assert.IsTrue(connecting.Wait(TimeSpan.FromSeconds(20)));
        Assert.AreEqual("10.99.0.2", ((IPEndPoint)accepted.RemoteEndPoint!).Address.ToString());
        Stream.AssertExchange(client, accepted, 500_000);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void ManyConnections_EachHasItsOwnFlow()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var pairs = Enumerable.Range(0, 40).Select(_ => relay.Connect(listener)).ToArray();
        foreach (var (peer, process) in pairs)
            Stream.AssertExchange(peer, process, 2000);
        Assert.AreEqual(40u, relay.Home.Status(Relay.Process).Flows);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void RefusedFlow_PeerHearsNothing_AndMayAskAgain()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        using var peer = TestNetwork.NewTcp(relay.Network.Peer);
        var connecting = peer.ConnectAsync(TestNetwork.HomeAddress, Relay.Port);
        var first = relay.Home.NextEvent("the first question");
        relay.Home.Do(Relay.Process, 2, request => request.RefuseFlow = new RefuseFlow { Connection = first.FlowRequested.Connection });
        Assert.AreEqual(1UL, relay.Home.Status(Relay.Process).Drops["FlowRefused"]);

        // The second SYN asks again.
        relay.Answer(relay.Home, FlowRequested.Types.Origin.Peer);
        Assert.IsTrue(connecting.Wait(TimeSpan.FromSeconds(20)));
        relay.AssertNoResets();
    }

    [TestMethod]
    public void HostStopped_NothingPasses_UntilReadyAgain()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        relay.Host.Do(Relay.Process, 2, request => request.HostStop = new HostStop());
        peer.Send([1]);
        process.Send([2]);
        Eventually.Holds(() => relay.Host.Status(Relay.Process).Drops.GetValueOrDefault("HostStopped") >= 2, "both directions dropped");
        Assert.AreEqual(0, peer.Available + process.Available);
        relay.Host.Do(Relay.Process, 2, request => request.HostReady = new HostReady());
        Assert.AreEqual(1, peer.Receive(new byte[8]));
        Assert.AreEqual(1, process.Receive(new byte[8]));
        relay.AssertNoResets();
    }

    [TestMethod]
    public void GuestSendsWhatIsNotCarried_ItIsCountedAsItsOwn()
    {
        using var relay = new Relay();
        relay.Hosted();
        using var socket = NetworkNamespace.Run(relay.Cabin, () => new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Icmp));
        // An echo request.
        socket.SendTo([8, 0, 0xF7, 0xFF, 0, 0, 0, 0], new IPEndPoint(TestNetwork.PeerAddress, 0));
        Eventually.Holds(() => relay.Host.Status(Relay.Process).Drops.GetValueOrDefault("NotCarried") >= 1, "the echo request counted");
    }

    [TestMethod]
    public void HostNotReady_OutboundIsOpenAndInboundDropped()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
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
    public void ClosedConnection_IsReportedByBothHalves_AndReportedToANewTwinsd()
    {
        using var relay = new Relay("--linger", "0");
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        peer.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        Assert.AreEqual(0, process.Receive(new byte[8]));
        process.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        Assert.AreEqual(0, peer.Receive(new byte[8]));
        Assert.AreEqual(relay.Flows[0], relay.Home.NextEvent("home reports the end").FlowsClosed.Flows.Single());
        Assert.AreEqual(relay.Flows[0], relay.Host.NextEvent("the host reports the end").FlowsClosed.Flows.Single());
        Assert.AreEqual(0u, relay.Home.Status(Relay.Process).Flows);
        relay.NewHomeClient().Status(Relay.Process);
        Assert.AreEqual(relay.Flows[0], relay.Home.NextEvent("home reports again").FlowsClosed.Flows.Single());
        relay.AssertNoResets();
    }

    [TestMethod]
    public void LegOfAClosedConnection_GivenToAnotherBeforeTheHostNoticed_StaysTheOthers()
    {
        using var relay = new Relay(["--linger", "0"], ["--linger", "2"]);
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        var closed = relay.Flows[0];
        peer.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        Assert.AreEqual(0, process.Receive(new byte[8]));
        process.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        Assert.AreEqual(0, peer.Receive(new byte[8]));
        Assert.AreEqual(closed, relay.Home.NextEvent("home reports the end").FlowsClosed.Flows.Single());
        relay.Flows.Clear();
        relay.ReuseLeg();
        (peer, process) = relay.Connect(listener);
        Assert.AreEqual((closed.HomeLeg, closed.HostLeg), (relay.Flows[0].HomeLeg, relay.Flows[0].HostLeg));
        Assert.AreEqual(closed, relay.Host.NextEvent("the host reports the end").FlowsClosed.Flows.Single());
        Stream.AssertExchange(peer, process, 10_000);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void LeftBehind_ConnectionGoesOnWhileTheProcessIsStoppedAndForgotten()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        var (otherPeer, otherProcess) = relay.Connect(listener);
        relay.Host.Do(Relay.Process, 2, request => (request.HostStop = new HostStop()).Lingering.Add(relay.Flows[0].Connection));
        var taken = relay.Home.Do("p1~2", 2, request => (request.Linger = new Linger()).Flows.Add(relay.Flows[0]));
        Assert.AreEqual(relay.Flows[0].Connection, taken.Connections.Single());
        relay.Home.Do(Relay.Process, 3, request => request.Migrated = new Migrated());
        Stream.AssertExchange(peer, process, 100_000);
        relay.Home.Do(Relay.Process, 3, request => request.Forget = new Forget());
        Stream.AssertExchange(peer, process, 100_000);
        otherPeer.Send([1]);
        Eventually.Holds(() => relay.Home.Do("", 0, request => request.Status = new Status()).Status.Processes
            .Any(other => other.ProcessId.Length == 0 && other.Drops.GetValueOrDefault("UnknownFlow") >= 1), "the other connection's segment dropped");
        Assert.AreEqual(0, otherProcess.Available);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void LeftBehind_ProcessMovesOnAndReturns_ConnectionGoesOn()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        relay.Connect(listener);
        void Hold(params Flow[] flows) => relay.Home.Do(Relay.Process, 2, request =>
        {
            request.Migrating = new Migrating { Listeners = { Relay.ListenerAt(Relay.Port) } };
            request.Migrating.Connections.Add(flows.Select(f => f.Connection));
        });
        Flow Next(Flow flow, int port) => new() { Connection = flow.Connection, HomeLeg = Relay.At("10.99.0.2", port), HostLeg = Relay.At("10.99.0.4", 61_000) };
        var (left, other) = (relay.Flows[0], relay.Flows[1]);
        relay.Home.Do(Relay.Process, 2, request => (request.OpenLegs = new OpenLegs()).Flows.Add([Next(left, 63_000), Next(other, 63_001)]));
        Hold(left, other);
        Hold(other);
        relay.Home.Do("p1~2", 2, request => (request.Linger = new Linger()).Flows.Add(left));
        Stream.AssertExchange(peer, process, 10_000);
        relay.Home.Do(Relay.Process, 2, request => (request.OpenLegs = new OpenLegs()).Flows.Add(Next(other, 63_001)));
        Stream.AssertExchange(peer, process, 10_000);
        relay.Home.Do(Relay.Process, 3, request =>
        {
            request.Migrated = new Migrated { Listeners = { Relay.ListenerAt(Relay.Port) } };
            request.Migrated.Flows.Add(Next(other, 63_001));
        });
        Stream.AssertExchange(peer, process, 10_000);
        relay.Home.Do(Relay.Process, 4, request => request.Release = new Release());
        relay.Home.Do(Relay.Process, 4, request => request.Forget = new Forget());
        Stream.AssertExchange(peer, process, 10_000);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void LeftBehind_ConnectionThatHasJustEnded_LateSegmentStillGetsToTheSocketThatAnswersIt()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        process.Dispose();
        Assert.AreEqual(0, peer.Receive(new byte[8]));
        // The peer's FIN is acknowledged, and the peer doesn't hear of it: it says it again.
        Shell.Run("nft 'add table inet deaf; add chain inet deaf in { type filter hook input priority 0; }; add rule inet deaf in ip saddr 10.99.0.2 drop'", relay.Network.Peer);
        peer.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        var flow = relay.Flows[0];
        Eventually.Holds(() => Shell.Run("ss -Htn state time-wait", relay.Cabin).Contains(":7000", StringComparison.Ordinal), "the process's end closed");
        relay.Home.Do(Relay.Process, 2, request => request.Migrating = new Migrating { Listeners = { Relay.ListenerAt(Relay.Port) } });
        var taken = relay.Home.Do("p1~2", 2, request => (request.Linger = new Linger()).Flows.Add(flow));
        Assert.AreEqual(flow.Connection, taken.Connections.Single());
        relay.Home.Do(Relay.Process, 3, request => request.Release = new Release());
        relay.Home.Do(Relay.Process, 3, request => request.Forget = new Forget());
        Shell.Run("nft delete table inet deaf", relay.Network.Peer);
        Eventually.Holds(() => Shell.Run("ss -Htn state last-ack", relay.Network.Peer).Trim().Length == 0, "the peer's FIN acknowledged");
        relay.AssertNoResets();
    }

    [TestMethod]
    public void LeftBehind_ConnectionWhoseEndIsReportedAlready_IsNotTaken()
    {
        using var relay = new Relay("--linger", "0");
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        process.Dispose();
        Assert.AreEqual(0, peer.Receive(new byte[8]));
        peer.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        Assert.AreEqual(relay.Flows[0], relay.Home.NextEvent("home reports the end").FlowsClosed.Flows.Single());
        var taken = relay.Home.Do("p1~2", 2, request => (request.Linger = new Linger()).Flows.Add(relay.Flows[0]));
        Assert.IsEmpty(taken.Connections);
        Assert.AreEqual(0u, relay.Home.Status("p1~2").Flows);
    }

    [TestMethod]
    public void LeftBehind_HalfClosedConnection_EndsAtTheFormerHostWithTheOtherFin()
    {
        using var relay = new Relay("--linger", "0");
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        process.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        Assert.AreEqual(0, peer.Receive(new byte[8]));
        relay.Host.Do("p1~2", 2, request =>
        {
            request.Host = new Host { Home = Relay.At("10.99.0.2", 0), DeviceOf = Relay.Process };
            request.Host.HostLegs.Add(Relay.At("10.99.0.3", 61_000));
            request.Host.Flows.Add(relay.Flows[0]);
        });
        relay.Host.Do("p1~2", 2, request => request.HostReady = new HostReady());
        relay.Host.Do(Relay.Process, 2, request => request.Forget = new Forget());
        peer.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        Assert.AreEqual(relay.Flows[0], relay.Host.NextEvent("the host reports the end").FlowsClosed.Flows.Single());
        relay.AssertNoResets();
    }

    [TestMethod]
    public void LeftBehind_TupleUsedAnew_EndsTheFlow()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, _) = relay.Connect(listener);
        relay.Home.Do("p1~2", 2, request => (request.Linger = new Linger()).Flows.Add(relay.Flows[0]));
        var local = (IPEndPoint)peer.LocalEndPoint!;
        // Gone without a word to anybody, as after a power cut.
        TestNetwork.Vanish(relay.Network.Peer, peer);
        using var again = TestNetwork.NewTcp(relay.Network.Peer);
        again.Bind(local);
        var connecting = again.ConnectAsync(TestNetwork.HomeAddress, Relay.Port);
        Assert.AreEqual(relay.Flows[0], relay.Home.NextEvent("the flow's end").FlowsClosed.Flows.Single());
        relay.Answer(relay.Home, FlowRequested.Types.Origin.Peer);
        Assert.IsTrue(connecting.Wait(TimeSpan.FromSeconds(20)));
        relay.AssertNoResets();
    }

    [TestMethod]
    public void SegmentOfNoKnownFlow_IsDroppedAndNotAnswered()
    {
        using var relay = new Relay();
        relay.Hosted();
        // The rules are there, but this twin was told nothing: a replacement that is not up to date yet.
        relay.HomeRules.Add(Relay.Queue, [DivertTarget.Listener(IpProtocol.Tcp, Twins.Packets.Endpoint.Parse("10.99.0.2:7000"))]);
        using var peer = TestNetwork.NewTcp(relay.Network.Peer);
        var connecting = peer.ConnectAsync(TestNetwork.HomeAddress, Relay.Port);
        Eventually.Holds(
            () => relay.Home.Do("", 0, request => request.Status = new Status()).Status.Processes
                .Any(process => process.ProcessId.Length == 0 && process.Drops.GetValueOrDefault("UnknownFlow") >= 1),
            "the SYN dropped");
        Assert.IsFalse(connecting.IsCompleted);
        relay.AssertNoResets();
    }
}

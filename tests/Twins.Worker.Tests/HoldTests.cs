using System.Net;
using System.Net.Sockets;
using Twins.Diversion;
using Twins.Diversion.Linux;
using Twins.Packets;
using Twins.Protocol;
using Role = Twins.Protocol.TwinProcessStatus.Types.Role;

namespace Twins.Worker.Tests;

[TestClass]
public sealed class HoldTests
{
    private static readonly Twins.Packets.Endpoint Local = Twins.Packets.Endpoint.Parse("10.99.0.2:7000");

    [TestMethod]
    public void HeldThenReleased_TheLocalSocketGetsAllInOrder()
    {
        using var relay = new Relay();
        using var server = TestNetwork.Listen(relay.Network.Home, TestNetwork.HomeAddress, Relay.Port);
        using var peer = TestNetwork.NewTcp(relay.Network.Peer);
        peer.Connect(TestNetwork.HomeAddress, Relay.Port);
        using var process = server.Accept();
        process.ReceiveTimeout = 20_000;
        var connection = Hold(relay, peer, process, holdLimitBytes: 0);
        var octets = Stream.Octets(100_000, 3);
        var sending = Stream.SendAll(peer, octets);
        Eventually.Holds(() => relay.Home.Status(Relay.Process).HeldPackets >= 5, "five packets held");
        using var second = TestNetwork.NewTcp(relay.Network.Peer);
        var connecting = second.ConnectAsync(TestNetwork.HomeAddress, Relay.Port);
        Eventually.Holds(() => relay.Home.Status(Relay.Process).HeldPacketsTotal >= 6, "the SYN held");
        Assert.AreEqual(0, process.Available);

        var status = relay.Home.Do(Relay.Process, 1, request => request.Release = new Release()).Status.Processes.Single();
        Assert.AreEqual(Role.Released, status.Role);
        Assert.AreEqual(0UL, status.HeldPackets);
        relay.HomeRules.Remove([connection, DivertTarget.Listener(IpProtocol.Tcp, Local)]);
        Stream.AssertReceives(process, octets);
        Assert.IsTrue(sending.Wait(TimeSpan.FromSeconds(20)));
        Assert.IsTrue(connecting.Wait(TimeSpan.FromSeconds(20)));
        Stream.AssertExchange(peer, process, 100_000);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void HeldThenMigrated_TheCabinGetsAllInOrder()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        Stream.AssertExchange(peer, process, 10_000);
        Hold(relay, peer, process, holdLimitBytes: 0, epoch: 3);
        var octets = Stream.Octets(300_000, 4);
        var sending = Stream.SendAll(peer, octets);
        Eventually.Holds(() => relay.Home.Status(Relay.Process).HeldPackets >= 5, "five packets held");
        var second = relay.Keep(TestNetwork.NewTcp(relay.Network.Peer));
        var connecting = second.ConnectAsync(TestNetwork.HomeAddress, Relay.Port);
        var held = relay.Home.Status(Relay.Process).HeldPacketsTotal;
        Eventually.Holds(() => relay.Home.Status(Relay.Process).HeldPacketsTotal > held || held >= 6, "the SYN held");

        // What the process says still goes to the peer: the leg stays open.
        process.Send([7]);
        Assert.AreEqual(1, peer.Receive(new byte[8]));

        relay.Hosted(epoch: 3);
        var status = relay.Migrated(epoch: 3).Status.Processes.Single();
        Assert.AreEqual(Role.Redirecting, status.Role);
        Assert.AreEqual(3UL, status.Epoch);
        relay.Answer(relay.Home, FlowRequested.Types.Origin.Peer, epoch: 3);
        Stream.AssertReceives(process, octets);
        Assert.IsTrue(sending.Wait(TimeSpan.FromSeconds(20)));
        Assert.IsTrue(connecting.Wait(TimeSpan.FromSeconds(20)));
        Stream.AssertExchange(peer, process, 100_000);

        // The next hold counts for itself.
        relay.Home.Do(Relay.Process, 3, request => request.Migrating = new Migrating { Listeners = { Relay.ListenerAt(Relay.Port) } });
        Assert.IsLessThan(status.HeldPacketsTotal, relay.Home.Status(Relay.Process).HeldPacketsTotal);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void ClosedByTheProcess_LeftToTheLocalStack_UntilItIsToldOfNoMore()
    {
        using var relay = new Relay();
        using var server = TestNetwork.Listen(relay.Network.Home, TestNetwork.HomeAddress, Relay.Port);
        using var peer = TestNetwork.NewTcp(relay.Network.Peer);
        peer.Connect(TestNetwork.HomeAddress, Relay.Port);
        using var process = server.Accept();
        process.Shutdown(SocketShutdown.Send);
        var closed = new Connection { Transport = Transport.Tcp, Local = Relay.At(process.LocalEndPoint!), Peer = Relay.At(process.RemoteEndPoint!) };
        Migrate(relay, closed);
        // Its packets come to the twin all the same, and the stack's answers go out.
        relay.HomeRules.Add(Relay.Queue, [DivertTarget.Listener(IpProtocol.Tcp, Local), DivertTarget.Speaking(IpProtocol.Tcp, Local)]);
        var octets = Stream.Octets(20_000, 3);
        var sending = Stream.SendAll(peer, octets);
        Stream.AssertReceives(process, octets);
        Assert.IsTrue(sending.Wait(TimeSpan.FromSeconds(20)));
        Assert.AreEqual(0UL, relay.Home.Status(Relay.Process).HeldPacketsTotal);

        Migrate(relay);
        peer.Send([1]);
        Eventually.Holds(() => relay.Home.Status(Relay.Process).HeldPacketsTotal > 0, "it is held like any other");
        relay.AssertNoResets();

        static void Migrate(Relay relay, params Connection[] lingering) => relay.Home.Do(Relay.Process, 1, request => request.Migrating = new Migrating
        {
            Listeners = { Relay.ListenerAt(Relay.Port) },
            Lingering = { lingering },
        });
    }

    [TestMethod]
    public void QuestionOfAnEarlierEpoch_IsAskedAgainAfterTheMove()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        using var peer = TestNetwork.NewTcp(relay.Network.Peer);
        var connecting = peer.ConnectAsync(TestNetwork.HomeAddress, Relay.Port);
        Assert.AreEqual(2UL, relay.Home.NextEvent("the first question").Epoch);
        relay.Home.Do(Relay.Process, 3, request =>
        {
            request.Migrating = new Migrating();
            request.Migrating.Listeners.Add(Relay.ListenerAt(Relay.Port));
        });
        relay.Hosted(epoch: 3);
        relay.Migrated(epoch: 3);
        relay.Answer(relay.Home, FlowRequested.Types.Origin.Peer, epoch: 3);
        Assert.IsTrue(connecting.Wait(TimeSpan.FromSeconds(20)));
        relay.AssertNoResets();
    }

    [TestMethod]
    public void HoldQueueOverflow_IsCounted_AndTheStreamSurvives()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        Stream.AssertExchange(peer, process, 500_000);
        Hold(relay, peer, process, holdLimitBytes: 5000, epoch: 3);
        var octets = Stream.Octets(400_000, 5);
        var sending = Stream.SendAll(peer, octets);
        Eventually.Holds(() => relay.Home.Status(Relay.Process).Drops.GetValueOrDefault("HoldFull") >= 1, "an overflow counted");
        Assert.IsLessThanOrEqualTo(5000UL, relay.Home.Status(Relay.Process).HeldBytes);
        relay.Hosted(epoch: 3);
        relay.Migrated(epoch: 3);
        Stream.AssertReceives(process, octets);
        Assert.IsTrue(sending.Wait(TimeSpan.FromSeconds(20)));
        relay.AssertNoResets();
    }

    [TestMethod]
    public void TwoProcessesHold_TheLimitIsOneForBoth_AndTheSecondHasItsShare()
    {
        using var relay = new Relay();
        var (firstPeer, first) = ConnectToHome(relay, 7000);
        var (secondPeer, second) = ConnectToHome(relay, 7001);
        var rules = new[] { HoldConnection(relay, "p1", firstPeer, first), HoldConnection(relay, "p2", secondPeer, second) };
        var octets = Stream.Octets(400_000, 6);
        var sending = Stream.SendAll(firstPeer, octets);
        Eventually.Holds(() => relay.Home.Status("p1").Drops.GetValueOrDefault("HoldFull") >= 1, "the first has filled the twin");
        var few = Stream.Octets(3000, 7);
        secondPeer.Send(few);
        Eventually.Holds(() => relay.Home.Status("p2").HeldBytes >= 3000, "the second's are held all the same");
        var both = relay.Home.Do("", 0, request => request.Status = new Status()).Status.Processes;
        Assert.IsLessThanOrEqualTo(10_000, both.Sum(process => (long)(process.HeldBytes + (128 * process.HeldPackets))));

        foreach (var id in new[] { "p1", "p2" })
            relay.Home.Do(id, 1, request => request.Release = new Release());
        relay.HomeRules.Remove(rules);
        Stream.AssertReceives(first, octets);
        Stream.AssertReceives(second, few);
        Assert.IsTrue(sending.Wait(TimeSpan.FromSeconds(20)));
        relay.AssertNoResets();
    }

    [TestMethod]
    public void TenThousandConnections_AreHeldRedirectedAndReleased()
    {
        using var relay = new Relay();
        var flows = Enumerable.Range(0, 10_000).Select(i => new Flow
        {
            Connection = new Connection { Transport = Transport.Tcp, Local = Relay.At("10.99.0.2", Relay.Port), Peer = Relay.At($"10.1.{i / 250}.{i % 250}", 4000) },
            HomeLeg = Relay.At("10.99.0.2", 61_000 + (i % 4000)),
            HostLeg = Relay.At("10.99.0.3", 61_000 + (i / 4000)),
        }).ToArray();
        relay.Home.Do(Relay.Process, 1, request => (request.Migrating = new Migrating()).Connections.Add(flows.Select(flow => flow.Connection)));
        relay.Home.Do(Relay.Process, 1, request => (request.OpenLegs = new OpenLegs()).Flows.Add(flows));
        var moved = relay.Home.Do(Relay.Process, 2, request => (request.Migrated = new Migrated()).Flows.Add(flows));
        Assert.AreEqual(10_000u, moved.Status.Processes.Single().Flows);
        var released = relay.Home.Do(Relay.Process, 2, request => request.Release = new Release());
        Assert.AreEqual(0u, released.Status.Processes.Single().Flows);
    }

    [TestMethod]
    public void NewConnectionsOnly_EstablishedGoOnAndNewOnesWait()
    {
        using var relay = new Relay();
        using var server = TestNetwork.Listen(relay.Network.Home, TestNetwork.HomeAddress, Relay.Port);
        using var peer = TestNetwork.NewTcp(relay.Network.Peer);
        peer.Connect(TestNetwork.HomeAddress, Relay.Port);
        using var process = server.Accept();
        relay.Home.Do(Relay.Process, 1, request =>
        {
            request.Migrating = new Migrating { Mode = Migrating.Types.Mode.NewOnly };
            request.Migrating.Listeners.Add(Relay.ListenerAt(Relay.Port));
        });
        relay.HomeRules.Add(Relay.Queue, [DivertTarget.NewConnections(Local)]);
        Stream.AssertExchange(peer, process, 50_000);
        using var second = TestNetwork.NewTcp(relay.Network.Peer);
        var connecting = second.ConnectAsync(TestNetwork.HomeAddress, Relay.Port);
        Eventually.Holds(() => relay.Home.Status(Relay.Process).HeldPackets >= 1, "the SYN held");
        Assert.IsFalse(connecting.IsCompleted);
        relay.Home.Do(Relay.Process, 1, request => request.Release = new Release());
        Assert.IsTrue(connecting.Wait(TimeSpan.FromSeconds(20)));
        relay.AssertNoResets();
    }

    [TestMethod]
    public void Forgotten_WhatWasHeldIsDroppedAndCounted()
    {
        using var relay = new Relay();
        relay.Home.Do(Relay.Process, 1, request =>
        {
            request.Migrating = new Migrating();
            request.Migrating.Listeners.Add(Relay.ListenerAt(Relay.Port));
        });
        relay.HomeRules.Add(Relay.Queue, [DivertTarget.Listener(IpProtocol.Tcp, Local)]);
        using var peer = TestNetwork.NewTcp(relay.Network.Peer);
        _ = peer.ConnectAsync(TestNetwork.HomeAddress, Relay.Port);
        Eventually.Holds(() => relay.Home.Status(Relay.Process).HeldPackets >= 1, "the SYN held");
        relay.Home.Do(Relay.Process, 1, request => request.Forget = new Forget());
        var all = relay.Home.Do("", 0, request => request.Status = new Status()).Status;
        Assert.IsTrue(all.Processes.All(process => process.ProcessId.Length == 0));
        Assert.IsGreaterThanOrEqualTo(1UL, all.Processes.Single().Drops["Forgotten"]);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void Forgotten_WhatItDropped_IsTheTwinsOwn()
    {
        using var relay = new Relay();
        var (peer, process) = ConnectToHome(relay, 7000);
        HoldConnection(relay, "p1", peer, process, holdLimitBytes: 1);
        peer.Send([1]);
        Eventually.Holds(() => relay.Home.Status("p1").Drops.GetValueOrDefault("HoldFull") >= 1, "a packet without room dropped");
        relay.Home.Do("p1", 1, request => request.Forget = new Forget());
        var all = relay.Home.Do("", 0, request => request.Status = new Status()).Status.Processes.Single();
        Assert.AreEqual("", all.ProcessId);
        Assert.IsGreaterThanOrEqualTo(1UL, all.Drops["HoldFull"]);
    }

    [TestMethod]
    public void ReservedPort_NobodyElseGetsIt_UntilForgotten()
    {
        using var relay = new Relay();
        var original = TestNetwork.Listen(relay.Network.Home, TestNetwork.HomeAddress, Relay.Port);
        var reply = Reserve(relay);
        Assert.AreEqual("1 of 1 ports are still taken; they are tried again for 60 s", reply.Message);
        original.Dispose();
        Eventually.Holds(() => Reserve(relay).Message.Length == 0, "the port reserved");
        var failure = Assert.ThrowsExactly<SocketException>(() => TestNetwork.Listen(relay.Network.Home, TestNetwork.HomeAddress, Relay.Port));
        Assert.AreEqual(SocketError.AddressAlreadyInUse, failure.SocketErrorCode);
        relay.Home.Do(Relay.Process, 1, request => request.Forget = new Forget());
        TestNetwork.Listen(relay.Network.Home, TestNetwork.HomeAddress, Relay.Port).Dispose();
    }

    [TestMethod]
    public void ReservedPort_IsFreeWhileHeld_AndTakenAgainAfterTheMove()
    {
        using var relay = new Relay();
        relay.Migrated();
        Assert.AreEqual("", Reserve(relay, epoch: 2).Message);
        relay.Home.Do(Relay.Process, 3, request =>
        {
            request.Migrating = new Migrating();
            request.Migrating.Listeners.Add(Relay.ListenerAt(Relay.Port));
        });
        TestNetwork.Listen(relay.Network.Home, TestNetwork.HomeAddress, Relay.Port).Dispose();
        // One that comes late, from the move before, takes them no earlier.
        Assert.AreEqual("", Reserve(relay, epoch: 3).Message);
        TestNetwork.Listen(relay.Network.Home, TestNetwork.HomeAddress, Relay.Port).Dispose();
        relay.Migrated(epoch: 3);
        Assert.ThrowsExactly<SocketException>(() => TestNetwork.Listen(relay.Network.Home, TestNetwork.HomeAddress, Relay.Port));
    }

    private static TwinReply Reserve(Relay relay, ulong epoch = 1) => relay.Home.Do(Relay.Process, epoch, request =>
        (request.Reserve = new Reserve()).Ports.Add(Relay.ListenerAt(Relay.Port)));

    /// <summary>A peer's connection to a process that runs at home.</summary>
    private static (Socket Peer, Socket Process) ConnectToHome(Relay relay, int port)
    {
        using var server = TestNetwork.Listen(relay.Network.Home, TestNetwork.HomeAddress, port);
        var peer = relay.Keep(TestNetwork.NewTcp(relay.Network.Peer));
        peer.Connect(TestNetwork.HomeAddress, port);
        var process = relay.Keep(server.Accept());
        process.ReceiveTimeout = 20_000;
        return (peer, process);
    }

    private static DivertTarget HoldConnection(Relay relay, string id, Socket peer, Socket process, ulong holdLimitBytes = 10_000)
    {
        var (local, remote) = ((IPEndPoint)process.LocalEndPoint!, (IPEndPoint)peer.LocalEndPoint!);
        relay.Home.Do(id, 1, request => (request.Migrating = new Migrating { HoldLimitBytes = holdLimitBytes }).Connections.Add(
            new Connection { Transport = Transport.Tcp, Local = Relay.At(local), Peer = Relay.At(remote) }));
        var target = DivertTarget.Connection(
            IpProtocol.Tcp, Twins.Packets.Endpoint.Parse(local.ToString()), Twins.Packets.Endpoint.Parse(remote.ToString()));
        relay.HomeRules.Add(Relay.Queue, [target]);
        return target;
    }

    private static DivertTarget Hold(Relay relay, Socket peer, Socket process, ulong holdLimitBytes, ulong epoch = 1)
    {
        relay.Home.Do(Relay.Process, epoch, request =>
        {
            request.Migrating = new Migrating { HoldLimitBytes = holdLimitBytes };
            request.Migrating.Listeners.Add(Relay.ListenerAt(Relay.Port));
            request.Migrating.Connections.Add(new Connection { Transport = Transport.Tcp, Local = Relay.At(process.LocalEndPoint!), Peer = Relay.At(peer.LocalEndPoint!) });
        });
        var connection = DivertTarget.Connection(IpProtocol.Tcp, Local, Twins.Packets.Endpoint.Parse(((IPEndPoint)peer.LocalEndPoint!).ToString()));
        relay.HomeRules.Add(Relay.Queue, [connection, DivertTarget.Listener(IpProtocol.Tcp, Local)]);
        return connection;
    }
}

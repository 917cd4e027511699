using System.Net.Sockets;
using Google.Protobuf;
using Twins.Diversion;
using Twins.Packets;
using Twins.Protocol;
using Verdict = Twins.Protocol.SeenPacket.Types.Verdict;

namespace Twins.Worker.Tests;

/// <summary>What a twin tells of packets to whoever watches.</summary>
[TestClass]
public sealed class WatchTests
{
    private static readonly Twins.Packets.Endpoint Local = Twins.Packets.Endpoint.Parse("10.99.0.2:7000");

    [TestMethod]
    public void RedirectedPackets_AreToldOnBothNodes_WithLegsAndTheOtherSide_AndWithoutData()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        using var home = Watch(relay.HomeTwin);
        using var host = Watch(relay.HostTwin);
        Stream.AssertExchange(peer, process, 10_000);

        foreach (var (twin, leg, next) in new[] { (home, PathLeg.PeerHome, PathLeg.HomeHost), (host, PathLeg.HomeHost, PathLeg.HostCabin) })
        {
            foreach (var (from, to) in new[] { (leg, next), (next, leg) })
            {
                var told = Next(twin, seen => seen.Verdict == Verdict.Rewritten && seen.Leg == from && seen.NextLeg == to && seen.Length > 500);
                Assert.AreEqual(Relay.Process, told.ProcessId);
                Assert.IsTrue(PacketHeaders(told) is 52 or 40, $"headers alone: {told.Packet.Length} octets");
                Assert.AreEqual(0, Math.Abs((long)(DateTimeOffset.UtcNow - DateTimeOffset.FromUnixTimeMilliseconds(told.UnixNanoseconds / 1_000_000)).TotalHours));
                var isLeg = to == PathLeg.HomeHost;
                Assert.AreEqual(isLeg, relay.Flows.Any(flow => (flow.HomeLeg.Equals(told.Source) && flow.HostLeg.Equals(told.Destination))
                    || (flow.HostLeg.Equals(told.Source) && flow.HomeLeg.Equals(told.Destination))), told.ToString());
            }
        }

        Assert.IsTrue(home.Events.IsEmpty, "a watch is told of no events");
    }

    [TestMethod]
    public void WithPayload_WholePacketsAreTold()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        using var watch = Watch(relay.HomeTwin, payload: true);
        peer.Send("this is payload"u8);
        Stream.AssertReceives(process, "this is payload"u8.ToArray());
        var told = Next(watch, seen => seen.Packet.Length == seen.Length && seen.Length is 55 or 67);
        Assert.IsTrue(told.Packet.Span.EndsWith("this is payload"u8));
    }

    [TestMethod]
    public void HeldAndReleasedPackets_AreToldAsSuch_AndAProcessThatWasNotAskedFor_IsNot()
    {
        using var relay = new Relay();
        using var server = TestNetwork.Listen(relay.Network.Home, TestNetwork.HomeAddress, Relay.Port);
        using var peer = TestNetwork.NewTcp(relay.Network.Peer);
        peer.Connect(TestNetwork.HomeAddress, Relay.Port);
        using var process = server.Accept();
        using var all = Watch(relay.HomeTwin);
        using var own = Watch(relay.HomeTwin, process: Relay.Process);
        using var other = Watch(relay.HomeTwin, process: "p");
        var connection = new Connection { Transport = Transport.Tcp, Local = Relay.At(process.LocalEndPoint!), Peer = Relay.At(process.RemoteEndPoint!) };
        relay.Home.Do(Relay.Process, 1, request => request.Migrating = new Migrating { Connections = { connection } });
        var target = DivertTarget.Connection(IpProtocol.Tcp, Local, Twins.Packets.Endpoint.Parse(process.RemoteEndPoint!.ToString()!));
        relay.HomeRules.Add(Relay.Queue, [target]);
        peer.Send([1]);
        foreach (var watch in new[] { all, own })
            Assert.AreEqual(PathLeg.PeerHome, Next(watch, seen => seen.Verdict == Verdict.Held).Leg);

        relay.HomeRules.Remove([target]);
        relay.Home.Do(Relay.Process, 1, request => request.Release = new Release());
        var released = Next(own, seen => seen.Verdict == Verdict.Released);
        Assert.IsNull(released.Source, "to the local stack it goes as it is");
        Assert.AreEqual(PathLeg.Unknown, released.NextLeg);
        Stream.AssertReceives(process, [1]);
        Assert.IsEmpty(other.Packets);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void DroppedPacket_IsToldWithTheReason()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        using var watch = Watch(relay.HomeTwin);
        using var peer = TestNetwork.NewTcp(relay.Network.Peer);
        var connecting = peer.ConnectAsync(TestNetwork.HomeAddress, Relay.Port);
        var asked = relay.Home.NextEvent("the question").FlowRequested;
        relay.Home.Do(Relay.Process, 2, request => request.RefuseFlow = new RefuseFlow { Connection = asked.Connection });
        Assert.AreEqual("FlowRefused", Next(watch, seen => seen.Verdict == Verdict.Dropped).Reason);
        Assert.IsFalse(connecting.IsCompletedSuccessfully);
    }

    [TestMethod]
    public void ReaderThatDoesNotRead_DelaysNoPacketAndNoCommand_AndHearsHowMuchItMissed()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        using var idle = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        idle.Connect(new UnixDomainSocketEndPoint(relay.HomeTwin.ControlPath));
        using var request = new MemoryStream();
        new TwinRequest { Id = 1, Watch = new Watch { Payload = true } }.WriteDelimitedTo(request);
        idle.Send(request.ToArray());
        using var stream = new NetworkStream(idle);
        Assert.AreEqual(1UL, TwinMessage.Parser.ParseDelimitedFrom(stream).Reply.Id);

        // More than may wait: 32 messages of 256 KiB, and what the sockets' buffers take.
        Stream.AssertExchange(peer, process, 20_000_000);
        Assert.IsGreaterThan(0UL, relay.Home.Status(Relay.Process).RedirectedPackets);
        var missed = 0UL;
        idle.ReceiveTimeout = 20_000;
        while (missed == 0)
        {
            missed = TwinMessage.Parser.ParseDelimitedFrom(stream).Packets.Missed;
            peer.Send([1]);
            process.Receive(new byte[1]);
        }

        relay.AssertNoResets();
    }

    [TestMethod]
    public void FifthWatch_IsRefused_UntilOneOfTheOthersIsGone()
    {
        using var relay = new Relay();
        var watches = Enumerable.Range(0, 4).Select(_ => Watch(relay.HomeTwin)).ToArray();
        using var fifth = new TwinClient(relay.HomeTwin.ControlPath);
        var reply = fifth.Ask("", 0, request => request.Watch = new Watch());
        Assert.AreEqual((TwinError.TwinInvalid, "4 are watching this twin already"), (reply.Error, reply.Message));
        watches[0].Dispose();
        Eventually.Holds(() => fifth.Ask("", 0, request => request.Watch = new Watch()).Error == TwinError.TwinOk, "there is room again");
        foreach (var watch in watches)
            watch.Dispose();
    }

    private static TwinClient Watch(TwinProgram twin, bool payload = false, string process = "")
    {
        var client = new TwinClient(twin.ControlPath);
        client.Do(process, 0, request => request.Watch = new Watch { Payload = payload });
        return client;
    }

    private static SeenPacket Next(TwinClient watch, Func<SeenPacket, bool> wanted)
    {
        SeenPacket? found = null;
        Eventually.Holds(() => (found = watch.Packets.SelectMany(seen => seen.Packets).FirstOrDefault(wanted)) is not null,
            "it is told of");
        return found!;
    }

    private static int PacketHeaders(SeenPacket seen) => seen.Packet.Length;
}

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Twins.Diversion;
using Twins.Diversion.Linux;
using Twins.Packets;
using Twins.Protocol;

namespace Twins.Worker.Tests;

/// <summary>ICMP errors about one leg reach the end of the connection that caused them, as errors about what it sent.</summary>
[TestClass]
public sealed class ErrorTests
{
    [TestMethod]
    [DataRow("router")]
    [DataRow("route")]
    [DataRow("device")]
    public void SmallerMtuBetweenTheNodes_IsDiscoveredByBothEnds(string where)
    {
        using var relay = new Relay();
        var network = relay.Network;
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        if (where == "router")
        {
            network.AddRouter(mtu: 1400);
        }
        else
        {
            Shell.Run($"ip route add {TestNetwork.HostAddress} dev eth0 mtu 1400", network.Home);
            Shell.Run(where == "route" ? $"ip route add {TestNetwork.HomeAddress} dev eth0 mtu 1400" : "ip link set eth0 mtu 1400", network.Host);
        }

        Stream.AssertExchange(peer, process, 1_000_000);
        Assert.Contains("mtu 1400", Shell.Run($"ip route get {TestNetwork.HomeAddress}", network.Peer));
        Assert.Contains("mtu 1400", Shell.Run($"ip route get {TestNetwork.PeerAddress} from {TestNetwork.HomeAddress}", relay.Cabin));
        relay.AssertNoResets();
    }

    [TestMethod]
    public void SmallerMtuTowardsThePeer_IsDiscoveredByTheProcess()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        Shell.Run($"ip route add {TestNetwork.PeerAddress} dev eth0 mtu 1300", relay.Network.Home);
        Stream.AssertExchange(peer, process, 1_000_000);
        Assert.Contains("mtu 1300", Shell.Run($"ip route get {TestNetwork.PeerAddress} from {TestNetwork.HomeAddress}", relay.Cabin));
        relay.AssertNoResets();
    }

    [TestMethod]
    [DataRow("ttl", "ICMP time exceeded in-transit")]
    [DataRow("host", "ICMP host 10.99.0.2 unreachable")]
    [DataRow("port", "ICMP 10.99.0.2 tcp port 7000 unreachable")]
    public void ErrorFromBetweenTheNodes_ReachesThePeer(string cause, string told)
    {
        using var relay = new Relay();
        var router = relay.Network.AddRouter();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        using var capture = new Capture(relay.Network.Peer, "eth0");
        Break();
        peer.Send([1]);
        var seen = capture.WaitFor(told);
        Assert.Contains($"{Text(peer.LocalEndPoint!)} > 10.99.0.2.7000: Flags [P.]", seen);
        Mend();
        Assert.AreEqual(1, process.Receive(new byte[8]));
        Stream.AssertExchange(peer, process, 10_000);
        relay.AssertNoResets();

        void Break()
        {
            if (cause == "ttl")
                peer.Ttl = 1;
            else if (cause == "host")
                Shell.Run($"ip route replace unreachable {TestNetwork.HostAddress}", router);
            else
                Shell.Run("iptables -w -A FORWARD -p tcp --dport 61000 -j REJECT --reject-with icmp-port-unreachable", router);
        }

        void Mend()
        {
            if (cause == "ttl")
                peer.Ttl = 64;
            else if (cause == "host")
                Shell.Run($"ip route replace {TestNetwork.HostAddress} dev eth0", router);
            else
                Shell.Run("iptables -w -F FORWARD", router);
        }
    }

    [TestMethod]
    public void ErrorFromThePeer_ReachesTheProcess()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        using var capture = new Capture(relay.Cabin, "twins0");
        Shell.Run("iptables -w -A INPUT -p tcp --sport 7000 -j REJECT --reject-with icmp-port-unreachable", relay.Network.Peer);
        process.Send([1]);
        var port = ((IPEndPoint)peer.LocalEndPoint!).Port.ToString(CultureInfo.InvariantCulture);
        var seen = capture.WaitFor($"ICMP 10.99.0.1 tcp port {port} unreachable");
        Assert.Contains($"10.99.0.2.7000 > {Text(peer.LocalEndPoint!)}: Flags [P.]", seen);
        Shell.Run("iptables -w -F INPUT", relay.Network.Peer);
        Stream.AssertReceives(peer, [1]);
        Stream.AssertExchange(peer, process, 10_000);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void ErrorAboutAHeldFlow_IsDroppedAndCounted()
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        relay.Home.Do(Relay.Process, 3, request =>
        {
            request.Migrating = new Migrating { Listeners = { Relay.ListenerAt(Relay.Port) } };
            request.Migrating.Connections.Add(relay.Flows[0].Connection);
        });
        Shell.Run("iptables -w -A INPUT -p tcp --sport 7000 -j REJECT --reject-with icmp-port-unreachable", relay.Network.Peer);
        process.Send([1]);
        Eventually.Holds(() => relay.Home.Status(Relay.Process).Drops.GetValueOrDefault("QuotedFlowNotForwarding") >= 1, "the peer's error dropped");
        Shell.Run("iptables -w -F INPUT", relay.Network.Peer);
        relay.Hosted(epoch: 4);
        relay.Migrated(epoch: 4);
        Stream.AssertReceives(peer, [1]);
        Stream.AssertExchange(peer, process, 10_000);
        relay.AssertNoResets();
    }

    [TestMethod]
    public void ErrorThatWasDivertedAndIsAboutNoFlow_ReachesTheLocalStack()
    {
        using var relay = new Relay();
        relay.Start();
        using var local = TestNetwork.NewUdp(relay.Network.Home, TestNetwork.HomeAddress, 7005);
        relay.HomeRules.Add(Relay.Queue, [DivertTarget.LegSource(IpProtocol.Udp, Twins.Packets.Endpoint.Parse("10.99.0.1:7001"))]);
        // As a twin marks what it sends: nothing else gets out to an end of a leg.
        local.SetRawSocketOption(1, 36, BitConverter.GetBytes(Marks.Sent));
        local.Connect(TestNetwork.PeerAddress, 7001);
        local.Send([1]);
        var refused = Assert.ThrowsExactly<SocketException>(() => local.Receive(new byte[8]));
        Assert.AreEqual(SocketError.ConnectionRefused, refused.SocketErrorCode);
    }

    private static string Text(EndPoint endpoint) => $"{((IPEndPoint)endpoint).Address}.{((IPEndPoint)endpoint).Port}";
}

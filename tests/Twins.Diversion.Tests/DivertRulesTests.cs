using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Twins.Diversion.Linux;
using Twins.Packets;

namespace Twins.Diversion.Tests;

[TestClass]
public sealed class DivertRulesTests
{
    private static readonly Endpoint Home = Endpoint.Parse("10.99.0.2:7000");
    private static readonly Endpoint Peer = Endpoint.Parse("10.99.0.1:7001");

    // UDP without checksum, one octet; the kernel fills in the header's checksum.
    private static readonly byte[] HomeToPeer = Convert.FromHexString("4500001D0000400040110000" + "0A630002" + "0A630001" + "1B581B5900090000" + "5A");

    private static readonly DivertTarget[] OneOfEach =
    [
        DivertTarget.Connection(IpProtocol.Tcp, Home, Peer),
        DivertTarget.Connection(IpProtocol.Udp, Home, Peer),
        DivertTarget.Connection(IpProtocol.Tcp, Endpoint.Parse("[fd77::2]:80"), Endpoint.Parse("[fd77::1]:4000")),
        DivertTarget.Listener(IpProtocol.Tcp, Home),
        DivertTarget.NewConnections(Endpoint.Parse("10.99.0.2:7002")),
        DivertTarget.LegSource(IpProtocol.Tcp, Endpoint.Parse("10.99.0.3:61000")),
        DivertTarget.LegDestination(IpProtocol.Tcp, Endpoint.Parse("10.99.0.2:61001")),
        DivertTarget.Listener(IpProtocol.Udp, Endpoint.Parse("[fd77::2]:53")),
    ];

    private static readonly DivertTarget[] Exceptions =
    [
        DivertTarget.Lingering(IpProtocol.Tcp, Home, Peer),
        DivertTarget.Speaking(IpProtocol.Tcp, Home),
        DivertTarget.Speaking(IpProtocol.Udp, Endpoint.Parse("[fd77::2]:53")),
    ];

    [TestMethod]
    public void EveryKind_AddedTwice_IsThereOnceAndReadBack()
    {
        using var network = new TestNetwork();
        using (var rules = DivertRules.Open(network.Home))
        {
            for (var i = 0; i < 2; i++)
            {
                rules.Install();
                rules.AddQueue(3);
                rules.AddQueue(4);
                rules.Add(3, OneOfEach);
            }

            rules.Add(4, OneOfEach[..1]);
        }

        using var again = DivertRules.Open(network.Home);
        Assert.HasCount(8, again.Rules.Targets);
        Assert.AreEqual((ushort)4, again.Rules.Targets[OneOfEach[0]]);
        foreach (var target in OneOfEach[1..])
            Assert.AreEqual((ushort)3, again.Rules.Targets[target]);
        CollectionAssert.AreEquivalent(new ushort[] { 3, 4 }, again.Rules.Queues.ToArray());
        again.Remove([OneOfEach[0], OneOfEach[0], DivertTarget.NewConnections(Home)]);
        Assert.HasCount(7, again.Rules.Targets);
    }

    [TestMethod]
    public void EveryException_IsReadBack_AndGoesToNoQueue()
    {
        using var network = new TestNetwork();
        using (var rules = DivertRules.Open(network.Home))
        {
            rules.Install();
            rules.AddQueue(3);
            rules.Add(3, Exceptions);
            Assert.IsFalse(rules.HasTargets(3));
        }

        using var again = DivertRules.Open(network.Home);
        CollectionAssert.AreEquivalent(Exceptions, again.Rules.Targets.Keys.ToArray());
        again.Remove(Exceptions);
        Assert.IsEmpty(again.Rules.Targets);
    }

    // libnftables would abort the test program.
    [TestMethod, DoNotParallelize]
    public void ThousandDescriptors_AreOpen_NoMoreRulesAreOpened_ThoseBeforeGoOn()
    {
        using var network = new TestNetwork();
        using var before = DivertRules.Open(network.Home);
        var many = Enumerable.Range(0, 1024).Select(_ => File.OpenHandle("/dev/null")).ToArray();
        try
        {
            var exception = Assert.ThrowsExactly<DiversionException>(() => DivertRules.Open(network.Home));
            Assert.Contains("descriptors", exception.Message);
            before.Install();
            before.AddQueue(3);
        }
        finally
        {
            foreach (var descriptor in many)
                descriptor.Dispose();
        }

        using var again = DivertRules.Open(network.Home);
        CollectionAssert.AreEquivalent(new ushort[] { 3 }, again.Rules.Queues.ToArray());
    }

    [TestMethod]
    public void RemoveAll_LeavesNothing()
    {
        using var network = new TestNetwork();
        using var rules = DivertRules.Open(network.Home);
        rules.RemoveAll();
        rules.Install();
        rules.AddQueue(3);
        rules.AddQueue(4);
        rules.Add(3, OneOfEach);
        rules.RemoveAll();
        rules.RemoveAll();
        Assert.AreEqual("", Shell.Run("nft list ruleset", network.Home));
        Assert.IsEmpty(rules.Rules.Targets);
    }

    [TestMethod]
    public void RemoveAll_LeavesTheRawRulesOfOthers()
    {
        using var network = new TestNetwork();
        Shell.Run("iptables -w -t raw -A PREROUTING -p tcp --dport 9 -j DROP", network.Home);
        using var rules = DivertRules.Open(network.Home);
        rules.Install();
        rules.AddQueue(3);
        rules.RemoveAll();
        Assert.AreEqual("-P PREROUTING ACCEPT\n-P OUTPUT ACCEPT\n-A PREROUTING -p tcp -m tcp --dport 9 -j DROP\n", Shell.Run("iptables -t raw -S", network.Home));
    }

    [TestMethod]
    public void JumpsWithoutATable_AsACrashLeavesThem_AreRemoved_ThoseOfTheTableStay()
    {
        using var network = new TestNetwork();
        using (var before = DivertRules.Open(network.Home))
        {
            before.Install();
            before.AddQueue(3);
        }

        Shell.Run("nft delete table inet twins", network.Home);
        using (var rules = DivertRules.Open(network.Home))
        {
            rules.RemoveStrayJumps();
            Assert.AreEqual("", Shell.Run("nft list ruleset", network.Home));
            rules.Install();
            rules.AddQueue(4);
            rules.Add(4, OneOfEach);
            var jumps = Shell.Run("nft list ruleset", network.Home);
            rules.RemoveStrayJumps();
            Assert.AreEqual(jumps, Shell.Run("nft list ruleset", network.Home));
        }
    }

    [TestMethod]
    public void TakeUp_OfAnotherVersionsTable_WritesItsChainsAndMissingJumps_OnceEach()
    {
        using var network = new TestNetwork();
        string chains;
        using (var before = DivertRules.Open(network.Home))
        {
            before.Install();
            before.AddQueue(3);
            before.Add(3, OneOfEach);
            chains = Shell.Run("nft -s list table inet twins", network.Home);
        }

        Shell.Run("nft flush chain inet twins output; nft add rule inet twins prerouting counter drop; nft flush chain inet twins quoted; iptables -t raw -F", network.Home);
        using var rules = DivertRules.Open(network.Home);
        rules.TakeUp();
        rules.TakeUp();
        Assert.AreEqual(chains, Shell.Run("nft -s list table inet twins", network.Home));
        Assert.AreEqual(
            "-P PREROUTING ACCEPT\n-A PREROUTING -m mark --mark 0x74570003 -j NFQUEUE --queue-num 3\n",
            Shell.Run("iptables -t raw -S PREROUTING", network.Home));
    }

    [TestMethod]
    public void TakeUp_WhereNoTableIs_ChangesNothing()
    {
        using var network = new TestNetwork();
        using var rules = DivertRules.Open(network.Home);
        rules.TakeUp();
        Assert.AreEqual("", Shell.Run("nft list ruleset", network.Home));
    }

    [TestMethod]
    public void TenThousandConnections_AreAddedReadBackAndRemoved()
    {
        using var network = new TestNetwork();
        using var rules = DivertRules.Open(network.Home);
        rules.Install();
        rules.AddQueue(3);
        var targets = Enumerable.Range(0, 10_000)
            .Select(i => DivertTarget.Connection(IpProtocol.Tcp, Home, new Endpoint(InternetAddress.FromIPv4(0x0A640000u + (uint)i), 4000)))
            .ToArray();
        rules.Add(3, targets);
        using (var again = DivertRules.Open(network.Home))
            Assert.HasCount(10_000, again.Rules.Targets);
        rules.Remove(targets);
        using (var again = DivertRules.Open(network.Home))
            Assert.IsEmpty(again.Rules.Targets);
    }

    [TestMethod]
    public void RefusedChange_ChangesNothingAndSaysWhy()
    {
        using var network = new TestNetwork();
        using var rules = DivertRules.Open(network.Home);
        var failure = Assert.ThrowsExactly<DiversionException>(() => rules.Add(3, OneOfEach));
        Assert.AreEqual("change what is diverted", failure.Operation);
        Assert.Contains("No such file or directory", failure.Message);
        Assert.IsEmpty(rules.Rules.Targets);
    }

    [TestMethod]
    public void DivertedConnection_WhatTheOriginalSends_IsDropped()
    {
        using var network = new TestNetwork();
        using var original = TestNetwork.NewUdp(network.Home, TestNetwork.HomeAddress, 7000);
        using var peer = TestNetwork.NewUdp(network.Peer, TestNetwork.PeerAddress, 7001);
        using var stranger = TestNetwork.NewUdp(network.Peer, TestNetwork.PeerAddress, 7003);
        using var rules = DivertRules.Open(network.Home);
        rules.Install();
        rules.AddQueue(3);
        rules.Add(3, [DivertTarget.Connection(IpProtocol.Udp, Home, Peer)]);
        SendOrBeDropped(original, 7001);
        original.SendTo([2], new IPEndPoint(TestNetwork.PeerAddress, 7003));
        Assert.AreEqual(1, stranger.Receive(new byte[8]));

        rules.Change(3, [DivertTarget.Listener(IpProtocol.Udp, Home)], [DivertTarget.Connection(IpProtocol.Udp, Home, Peer)]);
        SendOrBeDropped(original, 7003);
        rules.Remove([DivertTarget.Listener(IpProtocol.Udp, Home)]);
        original.SendTo([4], new IPEndPoint(TestNetwork.PeerAddress, 7001));
        var data = new byte[8];
        Assert.AreEqual(1, peer.Receive(data));
        Assert.AreEqual(4, data[0]);
        Assert.AreEqual(0, stranger.Available);
    }

    [TestMethod]
    public void WhatTheOriginalSends_IsCounted_AndTheCountOutlivesTheTable()
    {
        using var network = new TestNetwork();
        using var original = TestNetwork.NewUdp(network.Home, TestNetwork.HomeAddress, 7000);
        using var rules = DivertRules.Open(network.Home);
        Assert.AreEqual(0, rules.SilencedPackets);
        for (var i = 1; i <= 2; i++)
        {
            rules.Install();
            rules.AddQueue(3);
            rules.Add(3, [DivertTarget.Connection(IpProtocol.Udp, Home, Peer)]);
            SendOrBeDropped(original, 7001);
            // Brought up to date.
            rules.Install();
            rules.Add(3, [DivertTarget.Listener(IpProtocol.Udp, Home)]);
            SendOrBeDropped(original, 7003);
            Assert.AreEqual(2 * i, rules.SilencedPackets);
            rules.RemoveAll();
            Assert.AreEqual(2 * i, rules.SilencedPackets);
        }
    }

    [TestMethod]
    public void SpeakingEnd_WhatItSendsGetsOut_WhatComesInIsDiverted()
    {
        using var network = new TestNetwork();
        using var local = TestNetwork.NewUdp(network.Home, TestNetwork.HomeAddress, 7000);
        using var peer = TestNetwork.NewUdp(network.Peer, TestNetwork.PeerAddress, 7001);
        using var rules = DivertRules.Open(network.Home);
        rules.Install();
        rules.AddQueue(3);
        using var queue = NetworkNamespace.Run(network.Home, () => NetfilterQueue.Open(3));
        var listener = DivertTarget.Listener(IpProtocol.Udp, Home);
        rules.Add(3, [DivertTarget.Connection(IpProtocol.Udp, Home, Peer), listener, DivertTarget.Speaking(IpProtocol.Udp, Home)]);
        local.SendTo([1], new IPEndPoint(TestNetwork.PeerAddress, 7001));
        Assert.AreEqual(1, peer.Receive(new byte[8]));
        peer.SendTo([2], new IPEndPoint(TestNetwork.HomeAddress, 7000));
        Eventually.Holds(() => queue.Receive() == 1, "the answer diverted");
        queue.Complete();
        Assert.AreEqual(0, local.Available);

        rules.Remove([DivertTarget.Speaking(IpProtocol.Udp, Home)]);
        SendOrBeDropped(local, 7001);
    }

    [TestMethod]
    public void NewConnectionsOnly_EstablishedGoOn_NewOnesAreDiverted()
    {
        using var network = new TestNetwork();
        using var server = TestNetwork.Listen(network.Home, TestNetwork.HomeAddress, 7000);
        using var client = TestNetwork.NewTcp(network.Peer);
        client.Connect(TestNetwork.HomeAddress, 7000);
        using var accepted = server.Accept();
        using var rules = DivertRules.Open(network.Home);
        rules.Install();
        rules.AddQueue(3);
        rules.Add(3, [DivertTarget.NewConnections(Home)]);
        using var queue = NetworkNamespace.Run(network.Home, () => NetfilterQueue.Open(3));
        client.Send([1]);
        accepted.Send([2]);
        Assert.AreEqual(1, accepted.Receive(new byte[8]));
        Assert.AreEqual(1, client.Receive(new byte[8]));
        using var second = TestNetwork.NewTcp(network.Peer);
        var connecting = second.ConnectAsync(TestNetwork.HomeAddress, 7000);
        Eventually.Holds(() => queue.Receive() == 1, "the SYN diverted");
        Assert.IsTrue(PacketView.TryParse(queue[0].Bytes, out var packet, out _));
        Assert.AreEqual(TcpFlags.Syn, packet.Tcp.Flags & (TcpFlags.Syn | TcpFlags.Ack));
        queue.Accept(0);
        queue.Complete();
        Assert.IsTrue(connecting.Wait(TimeSpan.FromSeconds(20)));
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Leg_WhoseJumpIsGone_TheLocalStackIsSilent(bool atHost)
    {
        using var network = new TestNetwork();
        var (machine, address) = atHost ? (network.Host, TestNetwork.HostAddress) : (network.Home, TestNetwork.HomeAddress);
        var (other, otherAddress) = atHost ? (network.Home, TestNetwork.HomeAddress) : (network.Host, TestNetwork.HostAddress);
        using var rules = DivertRules.Open(machine);
        rules.Install();
        rules.AddQueue(3);
        var leg = Endpoint.Parse("10.99.0.3:61000");
        rules.Add(3, [atHost ? DivertTarget.LegDestination(IpProtocol.Tcp, leg) : DivertTarget.LegSource(IpProtocol.Tcp, leg)]);
        rules.RemoveQueue(3);
        TestNetwork.CountResets(other);
        using var client = TestNetwork.NewTcp(other);
        client.Bind(new IPEndPoint(otherAddress, atHost ? 61_005 : 61_000));
        using var refused = TestNetwork.NewTcp(other);
        Assert.ThrowsExactly<SocketException>(() => refused.Connect(address, 61_007));
        var connecting = client.ConnectAsync(address, atHost ? 61_000 : 61_005);
        Eventually.Holds(() => rules.SilencedPackets > 0, "the RST dropped");
        Assert.IsFalse(connecting.IsCompleted);
        Assert.AreEqual(1, TestNetwork.ResetsSeen(other));
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Leg_IsDivertedByItsHostEnd(bool atHost)
    {
        using var network = new TestNetwork();
        var machine = atHost ? network.Host : network.Home;
        using var rules = DivertRules.Open(machine);
        rules.Install();
        rules.AddQueue(3);
        var leg = Endpoint.Parse("10.99.0.3:61000");
        rules.Add(3, [atHost ? DivertTarget.LegDestination(IpProtocol.Udp, leg) : DivertTarget.LegSource(IpProtocol.Udp, leg)]);
        using var queue = NetworkNamespace.Run(machine, () => NetfilterQueue.Open(3));
        using var home = TestNetwork.NewUdp(network.Home, TestNetwork.HomeAddress, 61_005);
        using var host = TestNetwork.NewUdp(network.Host, TestNetwork.HostAddress, 61_000);
        var (from, to) = atHost ? (home, host) : (host, home);
        from.SendTo([9], to.LocalEndPoint!);
        Eventually.Holds(() => queue.Receive() == 1, "the leg's packet diverted");
        Assert.AreEqual(9, queue[0].Bytes[28]);
        queue.Complete();
        Assert.AreEqual(0, to.Available);
    }

    [TestMethod]
    [DataRow(DivertKind.Connection)]
    [DataRow(DivertKind.Listener)]
    [DataRow(DivertKind.LegSource)]
    [DataRow(DivertKind.LegDestination)]
    public void ErrorAboutAFlow_IsDivertedToItsQueue(DivertKind kind)
    {
        using var network = new TestNetwork();
        using var rules = DivertRules.Open(network.Home);
        rules.Install();
        rules.AddQueue(3);
        rules.AddQueue(4);
        rules.Add(3, [DivertTarget.Connection(IpProtocol.Tcp, Home, Peer), DivertTarget.Listener(IpProtocol.Udp, Endpoint.Parse("10.99.0.2:7002"))]);
        rules.Add(4, [kind switch
        {
            DivertKind.Connection => DivertTarget.Connection(IpProtocol.Udp, Home, Peer),
            DivertKind.Listener => DivertTarget.Listener(IpProtocol.Udp, Home),
            DivertKind.LegSource => DivertTarget.LegSource(IpProtocol.Udp, Peer),
            _ => DivertTarget.LegDestination(IpProtocol.Udp, Home),
        }]);
        using var queue = NetworkNamespace.Run(network.Home, () => NetfilterQueue.Open(4));
        using var sender = NetworkNamespace.Run(network.Home, RawSender.Open);
        sender.Enqueue(HomeToPeer);
        sender.Flush();
        Eventually.Holds(() => queue.Receive() == 1, "the peer's port unreachable diverted");
        Assert.IsTrue(PacketView.TryParse(queue[0].Bytes, out var packet, out _));
        Assert.AreEqual((3, 3), (packet.Icmp.Type, packet.Icmp.Code));
        Assert.IsTrue(packet.TryGetQuoted(out var quoted, out _));
        Assert.AreEqual(Home, quoted.Tuple.Source);
        Assert.AreEqual(Peer, quoted.Tuple.Destination);
        queue.Complete();
    }

    [TestMethod]
    public void ErrorAboutOtherTraffic_ReachesTheLocalStack()
    {
        using var network = new TestNetwork();
        using var local = TestNetwork.NewUdp(network.Home, TestNetwork.HomeAddress, 7005);
        using var lingering = TestNetwork.NewUdp(network.Home, TestNetwork.HomeAddress, 7006);
        using var rules = DivertRules.Open(network.Home);
        rules.Install();
        rules.AddQueue(3);
        var closed = Endpoint.Parse("10.99.0.2:7006");
        // Nobody is on the queue: what is diverted is lost.
        rules.Add(3, [.. OneOfEach, DivertTarget.Listener(IpProtocol.Udp, closed), DivertTarget.Lingering(IpProtocol.Udp, closed, Peer)]);
        foreach (var socket in new[] { local, lingering })
        {
            socket.Connect(TestNetwork.PeerAddress, 7001);
            socket.Send([1]);
            var refused = Assert.ThrowsExactly<SocketException>(() => socket.Receive(new byte[8]));
            Assert.AreEqual(SocketError.ConnectionRefused, refused.SocketErrorCode);
        }
    }

    // sendto says EPERM when the output hook drops.
    private static void SendOrBeDropped(Socket socket, int port)
    {
        var failure = Assert.ThrowsExactly<SocketException>(() => socket.SendTo([1], new IPEndPoint(TestNetwork.PeerAddress, port)));
        Assert.AreEqual(SocketError.AccessDenied, failure.SocketErrorCode, string.Create(CultureInfo.InvariantCulture, $"port {port}"));
    }
}

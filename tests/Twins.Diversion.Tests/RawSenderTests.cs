using System.Net;
using Twins.Diversion.Linux;
using Twins.Packets;

namespace Twins.Diversion.Tests;

[TestClass]
public sealed class RawSenderTests
{
    // 10.99.0.1:7001 -> 10.99.0.2:7000, UDP without checksum, one octet 0x5A; the kernel fills in the header's checksum.
    private static readonly byte[] PeerToHome = Convert.FromHexString("4500001D0000400040110000" + "0A630001" + "0A630002" + "1B591B5800090000" + "5A");

    [TestMethod]
    public void PacketForTheLocalStack_ReachesTheSocketPastRulesAndReversePathFilter()
    {
        using var network = new TestNetwork();
        Shell.Run("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.lo.rp_filter=1 net.ipv4.conf.eth0.rp_filter=1", network.Home);
        using var rules = DivertRules.Open(network.Home);
        rules.Install();
        rules.AddQueue(3);
        rules.Add(3, [DivertTarget.Listener(IpProtocol.Udp, Endpoint.Parse("10.99.0.2:7000"))]);
        using var receiver = TestNetwork.NewUdp(network.Home, TestNetwork.HomeAddress, 7000);
        using var sender = NetworkNamespace.Run(network.Home, RawSender.Open);
        sender.Enqueue(PeerToHome);
        sender.Flush();
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        var data = new byte[8];
        Assert.AreEqual(1, receiver.ReceiveFrom(data, ref from));
        Assert.AreEqual(0x5A, data[0]);
        Assert.AreEqual("10.99.0.1:7001", from.ToString());
        Assert.AreEqual(1, sender.Counters.Sent);
    }

    [TestMethod]
    public void StatefulFirewall_PacketForTheLocalStack_BelongsToItsConnection()
    {
        using var network = new TestNetwork();
        Shell.Run("nft 'add table inet fw; add chain inet fw in { type filter hook input priority 0; policy drop; }; add rule inet fw in ct state established accept; add chain inet fw out { type filter hook output priority 0; }; add rule inet fw out ct state new accept'", network.Home);
        using var rules = DivertRules.Open(network.Home);
        rules.Install();
        using var local = TestNetwork.NewUdp(network.Home, TestNetwork.HomeAddress, 7000);
        using var peer = TestNetwork.NewUdp(network.Peer, TestNetwork.PeerAddress, 7001);
        local.SendTo([1], peer.LocalEndPoint!);
        Assert.AreEqual(1, peer.Receive(new byte[8]));
        using var sender = NetworkNamespace.Run(network.Home, RawSender.Open);
        sender.Enqueue(PeerToHome);
        sender.Flush();
        Assert.AreEqual(1, local.Receive(new byte[8]));
    }

    [TestMethod]
    public void ManyPackets_ArriveInOrder()
    {
        using var network = new TestNetwork();
        using var receiver = TestNetwork.NewUdp(network.Home, TestNetwork.HomeAddress, 7000);
        using var sender = NetworkNamespace.Run(network.Host, RawSender.Open);
        var packet = PeerToHome.ToArray();
        for (var i = 0; i < 150; i++)
        {
            packet[28] = (byte)i;
            sender.Enqueue(packet);
        }

        sender.Flush();
        var data = new byte[8];
        for (var i = 0; i < 150; i++)
        {
            Assert.AreEqual(1, receiver.Receive(data));
            Assert.AreEqual(i, data[0]);
        }

        Assert.AreEqual(150, sender.Counters.Sent);
    }

    [TestMethod]
    public void Refusals_AreCountedByReasonAndTheRestIsSent()
    {
        using var network = new TestNetwork();
        Shell.Run("nft 'add table inet fw; add chain inet fw out { type filter hook output priority 0; }; add rule inet fw out udp dport 9 drop'", network.Host);
        using var receiver = TestNetwork.NewUdp(network.Home, TestNetwork.HomeAddress, 7000);
        using var sender = NetworkNamespace.Run(network.Host, RawSender.Open);
        var large = new byte[1501];
        PeerToHome.CopyTo(large, 0);
        sender.Enqueue(large);
        var unreachable = PeerToHome.ToArray();
        unreachable[16] = 192;
        sender.Enqueue(unreachable);
        var forbidden = PeerToHome.ToArray();
        (forbidden[22], forbidden[23]) = (0, 9);
        sender.Enqueue(forbidden);
        sender.Enqueue(PeerToHome);
        sender.Flush();
        Assert.AreEqual(1, receiver.Receive(new byte[8]));
        Assert.AreEqual(1, sender.Counters.TooLarge);
        Assert.AreEqual(1, sender.Counters.Unreachable);
        Assert.AreEqual(1, sender.Counters.Forbidden);
        Assert.AreEqual(1, sender.Counters.Sent);
        Assert.AreEqual(3, sender.Counters.Refused);
    }
}

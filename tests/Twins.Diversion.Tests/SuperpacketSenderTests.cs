using System.Net;
using Twins.Diversion.Linux;
using Twins.Packets;

namespace Twins.Diversion.Tests;

[TestClass]
public sealed class SuperpacketSenderTests
{
    private const ushort Queue = 6;
    private static readonly Endpoint Leg = Endpoint.Parse("10.99.0.3:61000");

    [TestMethod]
    [DataRow(65536, DisplayName = "cut where it arrives")]
    [DataRow(1600, DisplayName = "cut at the interface")]
    public void Superpacket_ArrivesAsTheSegmentsThatWerePutIn(int largestOnTheWire)
    {
        using var network = new TestNetwork();
        Shell.Run($"ip link set eth0 gso_max_size {largestOnTheWire}", network.Home);
        using var segments = new Segments();
        using var packet = Joined(segments);
        using var rules = Install(network);
        using var queue = NetworkNamespace.Run(network.Host, () => NetfilterQueue.Open(Queue));
        using var sender = NetworkNamespace.Run(network.Home, SuperpacketSender.TryOpen)!;
        Send(network, sender, packet);
        var seen = 0;
        Eventually.Holds(
            () =>
            {
                var count = queue.Receive();
                for (var i = 0; i < count; i++)
                    Assert.AreEqual(Convert.ToHexString(segments[seen++].Bytes), Convert.ToHexString(queue[i].Bytes));
                queue.Complete();
                return seen == 5;
            },
            "five segments");
        Assert.AreEqual(1, sender.Sent);
    }

    [TestMethod]
    public void QueueWithOffload_GetsTheSuperpacketWhole()
    {
        using var network = new TestNetwork();
        using var segments = new Segments();
        using var packet = Joined(segments);
        using var rules = Install(network);
        using var queue = NetworkNamespace.Run(network.Host, () => NetfilterQueue.Open(Queue));
        queue.SetOffload(true);
        using var sender = NetworkNamespace.Run(network.Home, SuperpacketSender.TryOpen)!;
        Send(network, sender, packet);
        Eventually.Holds(() => queue.Receive() == 1, "a packet");
        Assert.IsTrue(queue[0].IsSuperpacket);
        Assert.IsFalse(queue[0].IsTruncated);
        Assert.AreEqual(ChecksumState.Partial, queue[0].Checksum);
        Assert.AreEqual(40 + 4300, queue[0].Bytes.Length);
        Assert.IsTrue(queue[0].Bytes[^300..].SequenceEqual(segments[4].Bytes[40..]));
        queue.Complete();
        queue.SetOffload(false);
        sender.TrySend(packet, 3);
        var seen = 0;
        Eventually.Holds(
            () =>
            {
                seen += queue.Receive();
                queue.Complete();
                return seen == 5;
            },
            "segments again");
        Assert.AreEqual(0, queue.Refusals);
    }

    [TestMethod]
    public void SegmentsLongerThanTheWayCarries_AreNotSent()
    {
        using var network = new TestNetwork();
        using var segments = new Segments();
        using var packet = Joined(segments);
        using var sender = NetworkNamespace.Run(network.Home, SuperpacketSender.TryOpen)!;
        Send(network, sender, packet);
        Shell.Run("ip route add 10.99.0.3/32 dev eth0 mtu 1039", network.Home);
        Assert.IsFalse(sender.TrySend(packet, 5000));
        Assert.IsFalse(sender.TrySend(packet, 5001));
        Shell.Run("ip route change 10.99.0.3/32 dev eth0 mtu 1040", network.Home);
        Assert.IsFalse(sender.TrySend(packet, 10_000));
        Assert.IsTrue(sender.TrySend(packet, 10_001));
    }

    [TestMethod]
    public void WayIsAskedForAnew_AfterASecond()
    {
        using var network = new TestNetwork();
        using var segments = new Segments();
        using var packet = Joined(segments);
        using var sender = NetworkNamespace.Run(network.Home, SuperpacketSender.TryOpen)!;
        Send(network, sender, packet);
        Shell.Run("ip neigh replace 10.99.0.3 dev eth0 lladdr 02:00:00:00:00:77 nud permanent", network.Home);
        Assert.IsTrue(sender.TrySend(packet, 999));
        Assert.IsFalse(sender.TrySend(packet, 1000));
        Shell.Run("ip neigh del 10.99.0.3 dev eth0", network.Home);
        Assert.IsTrue(sender.TrySend(packet, 1999));
        Assert.IsFalse(sender.TrySend(packet, 2001));
        Assert.IsFalse(sender.TrySend(packet, 2002), "the neighbour is not known");
    }

    [TestMethod]
    public void NodeWithIpsecPolicies_LeavesAllToTheKernel()
    {
        using var network = new TestNetwork();
        using var segments = new Segments();
        using var packet = Joined(segments);
        using var sender = NetworkNamespace.Run(network.Home, SuperpacketSender.TryOpen)!;
        Send(network, sender, packet);
        Shell.Run("ip xfrm policy add src 10.99.0.2/32 dst 10.99.0.3/32 dir out action block", network.Home);
        Assert.IsFalse(sender.TrySend(packet, 5000));
        Assert.IsFalse(sender.TrySend(packet, 5001));
        Shell.Run("ip xfrm policy delete src 10.99.0.2/32 dst 10.99.0.3/32 dir out", network.Home);
        Assert.IsFalse(sender.TrySend(packet, 10_000));
        Assert.IsTrue(sender.TrySend(packet, 10_001));
    }

    [TestMethod]
    [DataRow("10.99.0.2", DisplayName = "this machine")]
    [DataRow("10.98.0.1", DisplayName = "no route")]
    public void DestinationThatIsNoNeighbour_IsLeftToTheKernel(string address)
    {
        using var network = new TestNetwork();
        using var segments = new Segments();
        for (var i = 0; i < 2; i++)
        {
            segments.Put(i, 1000, 1000, 0x10);
            IPAddress.Parse(address).GetAddressBytes().CopyTo(segments[i].Bytes[16..]);
            segments.FinishChecksums(i);
        }

        using var packet = new Superpacket();
        Assert.IsTrue(packet.TryStart(segments[0]) && packet.TryAppend(segments[1]));
        using var sender = NetworkNamespace.Run(network.Home, SuperpacketSender.TryOpen)!;
        Assert.IsFalse(sender.TrySend(packet, 0));
        Assert.IsFalse(sender.TrySend(packet, 1));
    }

    private static Superpacket Joined(Segments segments)
    {
        var packet = new Superpacket();
        for (var i = 0; i < 5; i++)
        {
            segments.Put(i, 1000, i == 4 ? 300 : 1000, i == 4 ? (byte)0x18 : (byte)0x10);
            Assert.IsTrue(i == 0 ? packet.TryStart(segments[0]) : packet.TryAppend(segments[i]));
        }

        return packet;
    }

    // The kernel knows the neighbour once it has sent something itself.
    private static void Send(TestNetwork network, SuperpacketSender sender, Superpacket packet)
    {
        using var host = TestNetwork.NewUdp(network.Host, TestNetwork.HostAddress, 7000);
        using var home = TestNetwork.NewUdp(network.Home, TestNetwork.HomeAddress, 7000);
        home.SendTo([1], host.LocalEndPoint!);
        Assert.AreEqual(1, host.Receive(new byte[8]));
        Assert.IsFalse(sender.TrySend(packet, 0), "the way is asked for first");
        Assert.IsTrue(sender.TrySend(packet, 1));
    }

    private static DivertRules Install(TestNetwork network)
    {
        var rules = DivertRules.Open(network.Host);
        rules.Install();
        rules.AddQueue(Queue);
        rules.Add(Queue, [DivertTarget.LegDestination(IpProtocol.Tcp, Leg)]);
        return rules;
    }
}

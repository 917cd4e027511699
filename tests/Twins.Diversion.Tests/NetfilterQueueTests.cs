using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Twins.Diversion.Linux;
using Twins.Packets;

namespace Twins.Diversion.Tests;

[TestClass]
public sealed partial class NetfilterQueueTests
{
    private const ushort Queue = 5;
    private static readonly Endpoint HomeEndpoint = Endpoint.Parse("10.99.0.2:7000");
    private static readonly Endpoint PeerEndpoint = Endpoint.Parse("10.99.0.1:7001");

    [TestMethod]
    public void Listener_BatchVerdict_DropsAllButTheAccepted()
    {
        using var network = new TestNetwork();
        using var rules = Install(network.Home, DivertTarget.Listener(IpProtocol.Udp, HomeEndpoint));
        using var queue = NetworkNamespace.Run(network.Home, () => NetfilterQueue.Open(Queue));
        using var receiver = TestNetwork.NewUdp(network.Home, TestNetwork.HomeAddress, 7000);
        using var sender = TestNetwork.NewUdp(network.Peer, TestNetwork.PeerAddress, 7001);
        var number = new byte[4];
        for (var i = 0; i < 500; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(number, i);
            sender.SendTo(number, new IPEndPoint(TestNetwork.HomeAddress, 7000));
        }

        var seen = 0;
        Eventually.Holds(
            () =>
            {
                var count = queue.Receive();
                for (var i = 0; i < count; i++)
                {
                    var packet = queue[i];
                    Assert.AreEqual(0x74570005u, packet.Mark);
                    Assert.AreEqual(ChecksumState.Complete, packet.Checksum);
                    Assert.AreEqual(seen++, BinaryPrimitives.ReadInt32BigEndian(packet.Bytes[28..]));
                    if (BinaryPrimitives.ReadInt32BigEndian(packet.Bytes[28..]) % 5 == 0)
                        queue.Accept(i);
                }

                queue.Complete();
                return seen == 500;
            },
            "500 packets diverted");
        for (var i = 0; i < 500; i += 5)
        {
            Assert.AreEqual(4, receiver.Receive(number));
            Assert.AreEqual(i, BinaryPrimitives.ReadInt32BigEndian(number));
        }

        Assert.AreEqual(0, receiver.Available);
        Assert.AreEqual(0, queue.Refusals);
    }

    [TestMethod]
    public void LargeTcpSend_IsDivertedAsSegmentsWithFinishedSums()
    {
        using var network = new TestNetwork();
        using var server = TestNetwork.Listen(network.Home, TestNetwork.HomeAddress, 7000);
        using var client = TestNetwork.NewTcp(network.Peer);
        client.Bind(new IPEndPoint(TestNetwork.PeerAddress, 7001));
        client.Connect(TestNetwork.HomeAddress, 7000);
        using var accepted = server.Accept();
        using var rules = Install(network.Home, DivertTarget.Connection(IpProtocol.Tcp, HomeEndpoint, PeerEndpoint));
        using var queue = NetworkNamespace.Run(network.Home, () => NetfilterQueue.Open(Queue));
        client.Blocking = false;
        client.Send(new byte[12_000]);
        var octets = 0;
        Eventually.Holds(
            () =>
            {
                var count = queue.Receive();
                for (var i = 0; i < count; i++)
                {
                    Assert.IsTrue(PacketView.TryParse(queue[i].Bytes, out var packet, out _));
                    Assert.IsLessThanOrEqualTo(1500, packet.Length);
                    Assert.IsFalse(queue[i].IsSuperpacket);
                    Assert.IsTrue(packet.HasRightChecksums());
                    octets += packet.Tcp.Payload.Length;
                    queue.Accept(i);
                }

                queue.Complete();
                return octets >= 12_000;
            },
            "12,000 octets diverted");
        accepted.ReceiveTimeout = 20_000;
        var received = 0;
        while (received < 12_000)
            received += accepted.Receive(new byte[65_536]);
        Assert.AreEqual(12_000, received);
    }

    [TestMethod]
    public void RedirectedListener_NobodyOnTheQueue_IsSilent()
    {
        using var network = new TestNetwork();
        using var rules = Install(network.Home, DivertTarget.Listener(IpProtocol.Tcp, HomeEndpoint));
        TestNetwork.CountResets(network.Peer);
        using var client = TestNetwork.NewTcp(network.Peer);
        var connecting = client.ConnectAsync(TestNetwork.HomeAddress, 7000);

        // The second SYN (after a second) proves that the first was not answered.
        Shell.Run("nft 'add table inet syn; add counter inet syn seen; add chain inet syn in { type filter hook prerouting priority -400; }; add rule inet syn in tcp dport 7000 counter name seen'", network.Home);
        Eventually.Holds(() => !Shell.Run("nft list counter inet syn seen", network.Home).Contains("packets 0", StringComparison.Ordinal), "a second SYN");
        Assert.IsFalse(connecting.IsCompleted);
        Assert.AreEqual(0, TestNetwork.ResetsSeen(network.Peer));
    }

    [TestMethod]
    public void QueueThatIsTaken_IsRefusedWithRemedy()
    {
        using var network = new TestNetwork();
        using var first = NetworkNamespace.Run(network.Home, () => NetfilterQueue.Open(Queue));
        var failure = Assert.ThrowsExactly<DiversionException>(() => NetworkNamespace.Run(network.Home, () => NetfilterQueue.Open(Queue)));
        Assert.AreEqual("bind queue 5", failure.Operation);
        Assert.AreEqual("another program holds this queue number", failure.Remedy);
    }

    [TestMethod]
    public void FullQueue_WhatTheKernelDropsIsCounted()
    {
        using var network = new TestNetwork();
        using var rules = Install(network.Home, DivertTarget.Listener(IpProtocol.Udp, HomeEndpoint));
        using var queue = NetworkNamespace.Run(network.Home, () => NetfilterQueue.Open(Queue, maximumPackets: 10));
        using var sender = TestNetwork.NewUdp(network.Peer, TestNetwork.PeerAddress, 7001);
        for (var i = 0; i < 25; i++)
            sender.SendTo([1], new IPEndPoint(TestNetwork.HomeAddress, 7000));
        Eventually.Holds(() => NetworkNamespace.Run(network.Home, queue.ReadKernelDrops) == 15, "15 drops counted");
        Assert.AreEqual(10, queue.Receive());
        queue.Complete();
    }

    [TestMethod]
    public void KernelsList_IsRead() => Assert.AreEqual(
        7, QueueStatistics.Drops("    4  31245     0 2 65531     9     9        0  1\n    5  31247     0 2 65531     3     4       12  1\n", 5));

    [TestMethod]
    public void ClosedQueue_IsFreeAtOnce()
    {
        using var network = new TestNetwork();
        NetworkNamespace.Run(network.Home, () =>
        {
            for (var i = 0; i < 20; i++)
                NetfilterQueue.Open(Queue).Dispose();
        });
    }

    [TestMethod]
    public void ClosedQueue_WhoseSocketAChildStillHas_IsFreeAtOnce()
    {
        using var network = new TestNetwork();
        NetworkNamespace.Run(network.Home, () =>
        {
            var queue = NetfilterQueue.Open(Queue);
            using var childs = new FileDescriptor(Duplicate(queue.Descriptor.Number));
            queue.Dispose();
            NetfilterQueue.Open(Queue).Dispose();
        });
    }

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int Duplicate(int descriptor);

    private static DivertRules Install(string machine, DivertTarget target)
    {
        var rules = DivertRules.Open(machine);
        rules.Install();
        rules.AddQueue(Queue);
        rules.Add(Queue, [target]);
        return rules;
    }
}

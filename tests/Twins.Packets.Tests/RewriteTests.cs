namespace Twins.Packets.Tests;

/// <summary>Expected octets were worked out outside of this code, by summing every word of the changed packet.</summary>
[TestClass]
public sealed class RewriteTests
{
    private const string Home = "10.77.0.2:61001";
    private const string Host = "10.77.0.3:61002";
    private const string Home6 = "[fd77::2]:61001";
    private const string Host6 = "[fd77::3]:61002";

    [TestMethod]
    [DataRow("a TCP segment", Captured.Data4, IpProtocol.Tcp, ChecksumState.Complete, """
        4500 0039 10b6 4000 4006 156b 0a4d 0002 0a4d 0003 ee49 ee4a b993 1f73 903c e157
        8018 003f 781f 0000 0101 080a 3e2b b871 fdfa 8a19 6865 6c6c 6f
        """)]
    [DataRow("a TCP segment with the sum left to offload", Captured.PartialData4, IpProtocol.Tcp, ChecksumState.Partial, """
        4500 0039 25e0 4000 4006 0041 0a4d 0002 0a4d 0003 ee49 ee4a 59d4 44b6 ba79 d7a9
        8018 003f 14ca 0000 0101 080a 1972 331c dad4 4047 6865 6c6c 6f
        """)]
    [DataRow("a UDP datagram", Captured.Udp4, IpProtocol.Udp, ChecksumState.Complete, """
        4500 0021 a8f5 4000 4011 7d38 0a4d 0002 0a4d 0003 ee49 ee4a 000d 0ed0 7069 6e67 21
        """)]
    [DataRow("a TCP segment over IPv6", Captured.Data6, IpProtocol.Tcp, ChecksumState.Complete, """
        600e 692c 0025 0640 fd77 0000 0000 0000 0000 0000 0000 0002 fd77 0000 0000 0000
        0000 0000 0000 0003 ee49 ee4a cb7d a39d 7184 ce88 8018 0040 48ef 0000 0101 080a
        8d81 fe08 1582 c1f0 6865 6c6c 6f
        """)]
    [DataRow("a UDP datagram over IPv6", Captured.Udp6, IpProtocol.Udp, ChecksumState.Complete, """
        600f 5200 000d 1140 fd77 0000 0000 0000 0000 0000 0000 0002 fd77 0000 0000 0000
        0000 0000 0000 0003 ee49 ee4a 000d 287a 7069 6e67 21
        """)]
    public void CapturedPacket_Rewritten_IsThis(string what, string before, IpProtocol protocol, ChecksumState state, string after)
    {
        var bytes = Captured.Bytes(before);
        var packet = Check.Parsed(bytes);
        var to = packet.IsIPv4 ? Check.Tuple(protocol, Home, Host) : Check.Tuple(protocol, Home6, Host6);
        packet.Rewrite(to, state);
        Check.SameBytes(Captured.Bytes(after), bytes, what);
        Assert.AreEqual(to, packet.Tuple);
    }

    [TestMethod]
    public void PartialSum_Finished_IsTheSumOfAllWords()
    {
        var bytes = Captured.Bytes(Captured.PartialData4);
        Check.Parsed(bytes).FinishChecksum();
        Check.SameBytes(
            Captured.Bytes("""
                4500 0039 25e0 4000 4006 90db c000 0201 c000 0202 9b02 1f90 59d4 44b6 ba79 d7a9
                8018 003f 5bb0 0000 0101 080a 1972 331c dad4 4047 6865 6c6c 6f
                """),
            bytes);
    }

    [TestMethod]
    public void PartialSum_RewrittenThenFinished_IsTheSameAsFinishedThenRewritten()
    {
        var one = Captured.Bytes(Captured.PartialData4);
        var other = Captured.Bytes(Captured.PartialData4);
        var to = Check.Tuple(IpProtocol.Tcp, Home, Host);
        Check.Parsed(one).Rewrite(to, ChecksumState.Partial);
        Check.Parsed(one).FinishChecksum();
        Check.Parsed(other).FinishChecksum();
        Check.Parsed(other).Rewrite(to, ChecksumState.Complete);
        Check.SameBytes(one, other);
    }

    [TestMethod]
    public void UdpWithoutChecksum_Rewritten_StaysWithout()
    {
        var bytes = PacketBuilder.Udp("192.0.2.1:5", "192.0.2.2:6").Payload("x").WithoutChecksum().Build();
        Check.Parsed(bytes).Rewrite(Check.Tuple(IpProtocol.Udp, Home, Host), ChecksumState.Complete);
        Assert.AreEqual(0, Check.Parsed(bytes).Udp.Checksum);
        Assert.IsTrue(Check.Parsed(bytes).HasRightChecksums());
    }

    [TestMethod]
    public void UdpSumThatComesOutAsZero_Rewritten_IsSentAsAllOnes()
    {
        // Among all source ports there is one whose sum is 0.
        var bytes = PacketBuilder.Udp("192.0.2.1:1", "192.0.2.2:2").Payload([0, 0]).Build();
        var allOnes = 0;
        for (var port = 0; port <= ushort.MaxValue; port++)
        {
            var to = new FiveTuple(IpProtocol.Udp, new(InternetAddress.Parse("192.0.2.1"), (ushort)port), Endpoint.Parse("192.0.2.2:2"));
            Check.Parsed(bytes).Rewrite(to, ChecksumState.Complete);
            Assert.AreNotEqual(0, Check.Parsed(bytes).Udp.Checksum, $"port {port}");
            allOnes += Check.Parsed(bytes).Udp.Checksum == 0xFFFF ? 1 : 0;
            Assert.IsTrue(Check.Parsed(bytes).HasRightChecksums(), $"port {port}");
        }

        Assert.AreEqual(1, allOnes);
    }

    [TestMethod]
    public void FirstFragment_Rewritten_KeepsASumThatIsRightForTheWholeDatagram()
    {
        var whole = PacketBuilder.Udp("192.0.2.1:5", "192.0.2.2:6").Payload(new string('x', 64)).Build();
        var first = whole[..(20 + 8 + 32)];
        first[3] = (byte)first.Length;
        first[6] = 0x20;
        var to = Check.Tuple(IpProtocol.Udp, Home, Host);
        var packet = Check.Parsed(first);
        Assert.IsTrue(packet.IsFirstFragment);
        packet.Rewrite(to, ChecksumState.Complete);
        Check.Parsed(whole).Rewrite(to, ChecksumState.Complete);
        Check.SameBytes(whole.AsSpan(20, 40), first.AsSpan(20));
    }

    [TestMethod]
    public void LaterFragment_Rewritten_ChangesItsAddressesAlone()
    {
        var bytes = PacketBuilder.Udp("192.0.2.1:5", "192.0.2.2:6").Payload("abcdefgh").Fragment(1480, more: false).Build();
        var packet = Check.Parsed(bytes);
        Assert.AreEqual(FragmentPosition.Later, packet.Fragment);
        Assert.IsFalse(packet.HasPorts);
        packet.Rewrite(Check.Tuple(IpProtocol.Udp, Home, Host), ChecksumState.Complete);
        Check.SameBytes(
            PacketBuilder.Udp(Home, Host).Payload("abcdefgh").Fragment(1480, more: false).Build(), bytes);
    }

    [TestMethod]
    public void AnotherFamilyOrProtocol_Rewritten_IsAnArgumentException()
    {
        Assert.ThrowsExactly<ArgumentException>(() =>
            Check.Parsed(Captured.Bytes(Captured.Data4)).Rewrite(Check.Tuple(IpProtocol.Tcp, Home6, Host6), ChecksumState.Complete));
        Assert.ThrowsExactly<ArgumentException>(() =>
            Check.Parsed(Captured.Bytes(Captured.Data4)).Rewrite(Check.Tuple(IpProtocol.Udp, Home, Host), ChecksumState.Complete));
    }

    [TestMethod]
    public void HeaderThatIsNotThere_Asked_IsAnInvalidOperation()
    {
        Assert.ThrowsExactly<InvalidOperationException>(() => Check.Parsed(Captured.Bytes(Captured.Udp4)).Tcp.SourcePort);
        Assert.ThrowsExactly<InvalidOperationException>(() => Check.Parsed(Captured.Bytes(Captured.Data4)).Udp.SourcePort);
        Assert.ThrowsExactly<InvalidOperationException>(() => Check.Parsed(Captured.Bytes(Captured.Data4)).Icmp.Type);
        Assert.ThrowsExactly<InvalidOperationException>(() => Check.Parsed(Captured.Bytes(Captured.Data4)).Ipv6.HopLimit);
        Assert.ThrowsExactly<InvalidOperationException>(() => Check.Parsed(Captured.Bytes(Captured.Data6)).Ipv4.TimeToLive);
    }

    [TestMethod]
    public void HotPath_AThousandTimes_AllocatesNothing()
    {
        var bytes = Captured.Bytes(Captured.Data4);
        var there = Check.Tuple(IpProtocol.Tcp, Home, Host);
        var back = Check.Tuple(IpProtocol.Tcp, "192.0.2.1:42818", "192.0.2.2:8080");
        Assert.AreEqual(0, Allocations.Of(() =>
        {
            for (var i = 0; i < 1000; i++)
            {
                var packet = Check.Parsed(bytes);
                packet.Rewrite(there, ChecksumState.Complete);
                packet.Rewrite(back, ChecksumState.Complete);
            }
        }));
        Check.SameBytes(Captured.Bytes(Captured.Data4), bytes);
    }
}

namespace Twins.Packets.Tests;

[TestClass]
public sealed class QuotedTests
{
    [TestMethod]
    [DataRow(Captured.Unreachable4, "198.51.100.7:5555", "10.77.0.2:80", """
        45c0 003d a6dc 0000 4001 9e9a 0a4d 0002 c633 6407 0303 31a5 0000 0000 4500 0021
        a8f5 4000 4011 5d4d c633 6407 0a4d 0002 15b3 0050 000d b576 7069 6e67 21
        """)]
    [DataRow(Captured.Unreachable6, "[fd99::7]:5555", "[fd77::2]:80", """
        6005 7940 003d 3a40 fd77 0000 0000 0000 0000 0000 0000 0002 fd99 0000 0000 0000
        0000 0000 0000 0007 0104 402b 0000 0000 600f 5200 000d 1140 fd99 0000 0000 0000
        0000 0000 0000 0007 fd77 0000 0000 0000 0000 0000 0000 0002 15b3 0050 000d eee5
        7069 6e67 21
        """)]
    public void CapturedError_Translated_IsAboutThePeersPacket(string before, string peer, string home, string after)
    {
        var bytes = Captured.Bytes(before);
        var quoted = Check.Tuple(IpProtocol.Udp, peer, home);
        Check.Parsed(bytes).RewriteQuoted(quoted, quoted.Destination.Address, quoted.Source.Address);
        Check.SameBytes(Captured.Bytes(after), bytes);
        Assert.IsTrue(Check.Parsed(bytes).HasRightChecksums());
    }

    [TestMethod]
    [DataRow(4)]
    [DataRow(8)]
    [DataRow(16)]
    [DataRow(18)]
    [DataRow(20)]
    [DataRow(33)]
    public void SegmentQuotedInPart_Translated_KeepsTheErrorsSumRight(int transportOctets)
    {
        var segment = PacketBuilder.Tcp("10.77.0.2:61001", "10.77.0.3:61002").Payload("some payload!").Build();
        var bytes = PacketBuilder.Icmp("10.77.0.9", "10.77.0.2", 3, 4, 1400, segment[..(20 + transportOctets)]).Build();
        var expected = PacketBuilder.Icmp(
            "10.77.0.2", "192.0.2.1", 3, 4, 1400,
            PacketBuilder.Tcp("192.0.2.1:40000", "10.77.0.2:80").Payload("some payload!").Build()[..(20 + transportOctets)]).Build();
        var quoted = Check.Tuple(IpProtocol.Tcp, "192.0.2.1:40000", "10.77.0.2:80");
        Check.Parsed(bytes).RewriteQuoted(quoted, quoted.Destination.Address, quoted.Source.Address);
        Check.SameBytes(expected, bytes);
    }

    [TestMethod]
    public void SegmentQuotedUpToHalfItsSum_Translated_KeepsTheErrorsSumRight()
    {
        var segment = PacketBuilder.Tcp("10.77.0.2:61001", "10.77.0.3:61002").Build();
        var bytes = PacketBuilder.Icmp("10.77.0.9", "10.77.0.2", 11, 0, 0, segment[..37]).Build();
        var quoted = Check.Tuple(IpProtocol.Tcp, "192.0.2.1:40000", "10.77.0.2:80");
        Check.Parsed(bytes).RewriteQuoted(quoted, quoted.Destination.Address, quoted.Source.Address);
        Assert.IsTrue(Check.Parsed(bytes).HasRightChecksums());
        Assert.AreEqual(segment[36], bytes[64]);
    }

    [TestMethod]
    public void QuotedHeaderWithAWrongSum_Translated_KeepsTheErrorsSumRight()
    {
        var segment = PacketBuilder.Tcp("10.77.0.2:61001", "10.77.0.3:61002").Build();
        segment[10] ^= 0x5A;
        segment[36] ^= 0xA5;
        var bytes = PacketBuilder.Icmp("10.77.0.9", "10.77.0.2", 11, 0, 0, segment).Build();
        var quoted = Check.Tuple(IpProtocol.Tcp, "192.0.2.1:40000", "10.77.0.2:80");
        Check.Parsed(bytes).RewriteQuoted(quoted, quoted.Destination.Address, quoted.Source.Address);
        Assert.IsTrue(Check.Parsed(bytes).HasRightChecksums());
    }

    [TestMethod]
    public void WhatNamesNoFlow_Asked_IsAFault()
    {
        var segment = PacketBuilder.Tcp("10.77.0.2:61001", "10.77.0.3:61002").Build();
        Row("an echo request", PacketBuilder.Icmp("10.77.0.9", "10.77.0.2", 8, 0, 0, segment).Build(), PacketFault.NothingQuoted);
        Row("three octets of the segment", Error(segment[..23]), PacketFault.NothingQuoted);
        Row("nothing", Error([]), PacketFault.TruncatedHeader);
        Row("another version", Error(Captured.Bytes(Captured.Data6)), PacketFault.UnknownVersion);
        Row("an ICMP message", Error(PacketBuilder.Icmp("10.77.0.2", "10.77.0.3", 8, 0, 0, [1, 2]).Build()), PacketFault.NothingQuoted);
        Row("a later fragment", Error(PacketBuilder.Udp("10.77.0.2:1", "10.77.0.3:2").Payload("abcdefgh").Fragment(8, more: true).Build()), PacketFault.NothingQuoted);
        Row("no ICMP error but a segment", segment, PacketFault.NothingQuoted);

        static byte[] Error(byte[] quoted) => PacketBuilder.Icmp("10.77.0.9", "10.77.0.2", 3, 1, 0, quoted).Build();

        static void Row(string what, byte[] packet, PacketFault expected)
        {
            Assert.IsFalse(Check.Parsed(packet).TryGetQuoted(out _, out var fault), what);
            Assert.AreEqual(expected, fault, what);
            var to = Check.Tuple(IpProtocol.Tcp, "192.0.2.1:40000", "10.77.0.2:80");
            Assert.ThrowsExactly<InvalidOperationException>(() => Check.Parsed(packet).RewriteQuoted(to, to.Source.Address, to.Source.Address), what);
        }
    }
}

namespace Twins.Packets.Tests;

/// <summary>What is refused, and why; what passes though it is odd.</summary>
[TestClass]
public sealed class FaultTests
{
    [TestMethod]
    [DataRow("version 5", 0, 0x55, PacketFault.UnknownVersion)]
    [DataRow("header length 16", 0, 0x44, PacketFault.HeaderLength)]
    [DataRow("total length below the header", 3, 19, PacketFault.TotalLength)]
    [DataRow("total length one beyond the buffer", 3, 58, PacketFault.TotalLength)]
    [DataRow("header over the whole transport", 0, 0x4E, PacketFault.TruncatedTransport)]
    [DataRow("data offset 16", 32, 0x40, PacketFault.DataOffset)]
    [DataRow("data offset beyond the segment", 32, 0xF0, PacketFault.DataOffset)]
    public void Segment_WithOneOctetChanged_IsRefused(string what, int at, int octet, PacketFault expected)
    {
        var bytes = Captured.Bytes(Captured.Data4);
        bytes[at] = (byte)octet;
        Assert.IsFalse(PacketView.TryParse(bytes, out _, out var fault), what);
        Assert.AreEqual(expected, fault, what);
    }

    [TestMethod]
    public void UdpLength_BelowItsHeaderOrBeyondThePacket_IsRefused()
    {
        var bytes = Captured.Bytes(Captured.Udp4);
        bytes[25] = 7;
        Check.Faulty(PacketFault.UdpLength, bytes);
        bytes[25] = 14;
        Check.Faulty(PacketFault.UdpLength, bytes);
        bytes[25] = 12;
        Check.SameBytes("ping"u8, Check.Parsed(bytes).Udp.Payload);
    }

    [TestMethod]
    public void Empty_Parsed_IsTruncated() => Check.Faulty(PacketFault.TruncatedHeader, []);

    [TestMethod]
    [DataRow(131, 4, true)]
    [DataRow(137, 4, true)]
    [DataRow(131, 8, false)]
    [DataRow(7, 4, false)]
    public void IpOptions_WithASourceRoute_AreRefusedWhileAddressesAreLeft(int kind, int pointer, bool refused)
    {
        var bytes = PacketBuilder.Tcp("192.0.2.1:5", "192.0.2.2:6").IpOptions(1, (byte)kind, 7, (byte)pointer, 10, 0, 0, 1).Build();
        if (refused)
            Check.Faulty(PacketFault.SourceRouted, bytes);
        else
            Assert.AreEqual(28, Check.Parsed(bytes).TransportOffset);
    }

    [TestMethod]
    public void ExtensionHeaders_BeforeTheSegment_AreEnumerated()
    {
        var bytes = PacketBuilder.Tcp("[fd77::1]:5", "[fd77::2]:6")
            .Extension(0, 0, 1, 4, 0, 0, 0, 0)
            .Extension(60, [1, .. new byte[14]])
            .Payload("data")
            .Build();
        var packet = Check.Parsed(bytes);
        var seen = new List<string>();
        foreach (var extension in packet.Ipv6.EnumerateExtensions())
            seen.Add($"{extension.Type}:{extension.Octets.Length}");
        Assert.AreEqual("0:8 60:16", string.Join(' ', seen));
        Assert.AreEqual(64, packet.TransportOffset);
        Check.SameBytes("data"u8, packet.Tcp.Payload);
        packet.Rewrite(Check.Tuple(IpProtocol.Tcp, "[fd77::9]:7", "[fd77::8]:8"), ChecksumState.Complete);
        Assert.IsTrue(packet.HasRightChecksums());
    }

    [TestMethod]
    public void ExtensionHeaders_MoreThanEight_AreRefused()
    {
        var builder = PacketBuilder.Tcp("[fd77::1]:5", "[fd77::2]:6");
        for (var i = 0; i < 8; i++)
            builder.Extension(60, 0, 1, 4, 0, 0, 0, 0);
        Assert.IsTrue(Check.Parsed(builder.Build()).IsTcp);
        Check.Faulty(PacketFault.ExtensionHeaders, builder.Extension(60, 0, 1, 4, 0, 0, 0, 0).Build());
    }

    [TestMethod]
    public void ExtensionHeader_BeyondThePacket_IsRefused() =>
        Check.Faulty(PacketFault.ExtensionHeaders, PacketBuilder.Tcp("[fd77::1]:5", "[fd77::2]:6").Extension(60, 9, 1, 4, 0, 0, 0, 0).Build());

    [TestMethod]
    public void RoutingHeader_WithSegmentsLeft_IsRefused()
    {
        Check.Faulty(PacketFault.SourceRouted, PacketBuilder.Tcp("[fd77::1]:5", "[fd77::2]:6").Extension(43, 0, 4, 1, 0, 0, 0, 0).Build());
        Assert.IsTrue(Check.Parsed(PacketBuilder.Tcp("[fd77::1]:5", "[fd77::2]:6").Extension(43, 0, 4, 0, 0, 0, 0, 0).Build()).IsTcp);
    }

    [TestMethod]
    [DataRow(0x0001, FragmentPosition.First)]
    [DataRow(0x0008, FragmentPosition.Later)]
    [DataRow(0x0009, FragmentPosition.Later)]
    [DataRow(0x0000, FragmentPosition.Whole)]
    public void FragmentHeader_Parsed_TellsThePosition(int field, FragmentPosition expected)
    {
        var bytes = PacketBuilder.Udp("[fd77::1]:5", "[fd77::2]:6").Extension(44, 0, (byte)(field >> 8), (byte)field, 0, 0, 0, 9).Payload("abcdefgh").Build();
        var packet = Check.Parsed(bytes);
        Assert.AreEqual(expected, packet.Fragment);
        Assert.AreEqual(expected != FragmentPosition.Later, packet.HasPorts);
        Assert.AreEqual(48, packet.TransportOffset);
    }

    [TestMethod]
    public void AnotherProtocol_Parsed_PassesThroughAndIsRewrittenByItsAddresses()
    {
        var bytes = PacketBuilder.Other(132, "192.0.2.1", "192.0.2.2").Payload("sctp?").Build();
        var packet = Check.Parsed(bytes);
        Assert.AreEqual((IpProtocol)132, packet.Protocol);
        Assert.IsFalse(packet.HasPorts);
        Assert.AreEqual(0, packet.Tuple.Source.Port);
        packet.Rewrite(Check.Tuple((IpProtocol)132, "10.77.0.2:0", "10.77.0.3:0"), ChecksumState.Complete);
        Check.SameBytes(PacketBuilder.Other(132, "10.77.0.2", "10.77.0.3").Payload("sctp?").Build(), bytes);
    }

    [TestMethod]
    [DataRow(new byte[] { 1, 1, 0, 9 }, 2, false)]
    [DataRow(new byte[] { 8, 1, 1, 1 }, 0, true)]
    [DataRow(new byte[] { 1, 1, 1, 8 }, 3, true)]
    [DataRow(new byte[] { 8, 10, 0, 0 }, 0, true)]
    [DataRow(new byte[] { 254, 4, 1, 2 }, 1, false)]
    public void TcpOptions_WithAWrongLength_EndTheWalk(byte[] octets, int expectedCount, bool expectedMalformed)
    {
        var options = Check.Parsed(PacketBuilder.Tcp("192.0.2.1:5", "192.0.2.2:6").TcpOptions(octets).Build()).Tcp.EnumerateOptions();
        var count = 0;
        while (options.MoveNext())
            count++;
        Assert.AreEqual(expectedCount, count);
        Assert.AreEqual(expectedMalformed, options.IsMalformed);
    }
}

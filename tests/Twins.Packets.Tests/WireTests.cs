namespace Twins.Packets.Tests;

/// <summary>Captured packets: what the views read, and that the tests' builder makes the same octets from what was read.</summary>
[TestClass]
public sealed class WireTests
{
    [TestMethod]
    public void CapturedSyn_Parsed_HasTheFieldsThatTcpdumpShowed()
    {
        var packet = Check.Parsed(Captured.Bytes(Captured.Syn4));
        Assert.AreEqual(Check.Tuple(IpProtocol.Tcp, "192.0.2.1:42818", "192.0.2.2:8080"), packet.Tuple);
        Assert.AreEqual(20, packet.Ipv4.HeaderLength);
        Assert.AreEqual(60, packet.Ipv4.TotalLength);
        Assert.AreEqual(0x10B4, packet.Ipv4.Identification);
        Assert.IsTrue(packet.Ipv4.DontFragment);
        Assert.IsFalse(packet.Ipv4.MoreFragments);
        Assert.AreEqual(64, packet.Ipv4.TimeToLive);
        Assert.AreEqual(0xA604, packet.Ipv4.Checksum);
        var tcp = packet.Tcp;
        Assert.AreEqual(42818, tcp.SourcePort);
        Assert.AreEqual(8080, tcp.DestinationPort);
        Assert.AreEqual(new SequenceNumber(3113426802), tcp.SequenceNumber);
        Assert.AreEqual(40, tcp.HeaderLength);
        Assert.AreEqual(TcpFlags.Syn, tcp.Flags);
        Assert.AreEqual(64240, tcp.Window);
        Assert.AreEqual(0x3293, tcp.Checksum);
        Assert.AreEqual(1, tcp.SequenceLength);
        Assert.IsTrue(tcp.OpensConnection);
        Assert.IsTrue(tcp.Payload.IsEmpty);
        Assert.IsTrue(packet.HasRightChecksums());
    }

    [TestMethod]
    public void CapturedSyn_OptionsEnumerated_AreThoseThatTcpdumpShowed()
    {
        var kinds = new List<string>();
        foreach (var option in Check.Parsed(Captured.Bytes(Captured.Syn4)).Tcp.EnumerateOptions())
            kinds.Add($"{option.Kind} {Convert.ToHexString(option.Value)}".TrimEnd());
        Assert.AreEqual("2 05B4, 4, 8 3E2BB87100000000, 1, 3 0A", string.Join(", ", kinds));
    }

    [TestMethod]
    public void CapturedIpv6Segment_Parsed_HasTheFieldsThatTcpdumpShowed()
    {
        var packet = Check.Parsed(Captured.Bytes(Captured.Data6));
        Assert.AreEqual(Check.Tuple(IpProtocol.Tcp, "[2001:db8::1]:60580", "[2001:db8::2]:8080"), packet.Tuple);
        Assert.AreEqual(0xE692Cu, packet.Ipv6.FlowLabel);
        Assert.AreEqual(0, packet.Ipv6.TrafficClass);
        Assert.AreEqual(37, packet.Ipv6.PayloadLength);
        Assert.AreEqual(64, packet.Ipv6.HopLimit);
        Assert.AreEqual(6, packet.Ipv6.NextHeader);
        Assert.AreEqual(new SequenceNumber(0xCB7DA39D), packet.Tcp.SequenceNumber);
        Assert.AreEqual(new SequenceNumber(0x7184CE88), packet.Tcp.AcknowledgmentNumber);
        Check.SameBytes("hello"u8, packet.Tcp.Payload);
        Assert.IsTrue(packet.HasRightChecksums());
    }

    [TestMethod]
    public void CapturedDatagram_Parsed_HasTheFieldsThatTcpdumpShowed()
    {
        var packet = Check.Parsed(Captured.Bytes(Captured.Udp4));
        Assert.AreEqual(47222, packet.Udp.SourcePort);
        Assert.AreEqual(9999, packet.Udp.DestinationPort);
        Assert.AreEqual(13, packet.Udp.Length);
        Assert.AreEqual(0x9C79, packet.Udp.Checksum);
        Check.SameBytes("ping!"u8, packet.Udp.Payload);
        Assert.IsTrue(packet.HasRightChecksums());
        Assert.IsTrue(Check.Parsed(Captured.Bytes(Captured.Udp6)).HasRightChecksums());
    }

    [TestMethod]
    [DataRow(Captured.Unreachable4, "192.0.2.1:47222", "192.0.2.2:9999", 3, 3)]
    [DataRow(Captured.Unreachable6, "[2001:db8::1]:53305", "[2001:db8::2]:9999", 1, 4)]
    public void CapturedPortUnreachable_Parsed_QuotesTheDatagram(string hex, string source, string destination, int type, int code)
    {
        var packet = Check.Parsed(Captured.Bytes(hex));
        Assert.IsTrue(packet.IsIcmp);
        Assert.IsTrue(packet.Icmp.IsError);
        Assert.AreEqual(type, packet.Icmp.Type);
        Assert.AreEqual(code, packet.Icmp.Code);
        Assert.AreEqual(0u, packet.Icmp.RestOfHeader);
        Assert.IsTrue(packet.TryGetQuoted(out var quoted, out _));
        Assert.AreEqual(Check.Tuple(IpProtocol.Udp, source, destination), quoted.Tuple);
        Assert.IsTrue(packet.HasRightChecksums());
    }

    [TestMethod]
    public void PartialSumOnTheWire_Checked_IsNotRight() =>
        Assert.IsFalse(Check.Parsed(Captured.Bytes(Captured.PartialData4)).HasRightChecksums());

    [TestMethod]
    public void EveryCapture_InAJunkFilledBuffer_EndsWhereItsHeaderSays()
    {
        foreach (var hex in Captured.All)
        {
            var bytes = Captured.Bytes(hex);
            var buffer = new byte[bytes.Length + 50];
            buffer.AsSpan().Fill(0xA5);
            bytes.CopyTo(buffer, 0);
            var packet = Check.Parsed(buffer);
            Check.SameBytes(bytes, packet.Bytes);
            Assert.AreEqual(bytes.Length, packet.Length);
        }
    }

    [TestMethod]
    public void EveryCapture_CutShortAnywhere_IsAFaultAndNoView()
    {
        foreach (var hex in Captured.All)
        {
            var bytes = Captured.Bytes(hex);
            for (var length = 0; length < bytes.Length; length++)
                Assert.IsFalse(PacketView.TryParse(bytes.AsSpan(0, length), out _, out _), $"{length} of {hex}");
        }
    }

    [TestMethod]
    public void CapturedSyn_BuiltFromItsFields_IsTheSameOctets()
    {
        var bytes = Captured.Bytes(Captured.Syn4);
        var packet = Check.Parsed(bytes);
        var built = PacketBuilder.Tcp("192.0.2.1:42818", "192.0.2.2:8080")
            .Identification(packet.Ipv4.Identification)
            .TimeToLive(packet.Ipv4.TimeToLive)
            .Flags("S")
            .Sequence(packet.Tcp.SequenceNumber.Value)
            .Acknowledgment(packet.Tcp.AcknowledgmentNumber.Value)
            .Window(packet.Tcp.Window)
            .TcpOptions(packet.Tcp.Options.ToArray())
            .Build();
        Check.SameBytes(bytes, built);
    }

    [TestMethod]
    public void CapturedPartialSegment_BuiltFromItsFields_IsTheSameOctets()
    {
        var bytes = Captured.Bytes(Captured.PartialData4);
        var packet = Check.Parsed(bytes);
        var built = PacketBuilder.Tcp("192.0.2.1:39682", "192.0.2.2:8080")
            .Identification(packet.Ipv4.Identification)
            .Flags("PA")
            .Sequence(packet.Tcp.SequenceNumber.Value)
            .Acknowledgment(packet.Tcp.AcknowledgmentNumber.Value)
            .Window(packet.Tcp.Window)
            .TcpOptions(packet.Tcp.Options.ToArray())
            .Payload(packet.Tcp.Payload.ToArray())
            .Partial()
            .Build();
        Check.SameBytes(bytes, built);
    }
}

using CsCheck;
using PacketDotNet;

namespace Twins.Packets.Tests;

/// <summary>PacketDotNet reads the same, and finds the sums of rewritten packets right.</summary>
[TestClass]
public sealed class OracleTests
{
    [TestMethod]
    public void AnySegment_Rewritten_IsWhatAnotherLibraryReads() =>
        Gen.Select(Gen.UInt, Gen.UInt, Gen.UShort, Gen.UShort, Gen.Byte.Array[0, 100]).Sample((source, destination, sourcePort, destinationPort, payload) =>
        {
            var bytes = PacketBuilder.Tcp("192.0.2.1:5", "192.0.2.2:6").Payload(payload).Build();
            var to = new FiveTuple(
                IpProtocol.Tcp,
                new(InternetAddress.FromIPv4(source), sourcePort),
                new(InternetAddress.FromIPv4(destination), destinationPort));
            Check.Parsed(bytes).Rewrite(to, ChecksumState.Complete);
            var ip = Packet.ParsePacket(LinkLayers.Raw, bytes).Extract<IPv4Packet>();
            var tcp = ip.Extract<TcpPacket>();
            Assert.AreEqual(to.Source.Address.ToIPAddress(), ip.SourceAddress);
            Assert.AreEqual(to.Destination.Address.ToIPAddress(), ip.DestinationAddress);
            Assert.AreEqual(sourcePort, tcp.SourcePort);
            Assert.AreEqual(destinationPort, tcp.DestinationPort);
            Check.SameBytes(payload, tcp.PayloadData ?? []);
            Assert.IsTrue(ip.ValidIPChecksum, Convert.ToHexString(bytes));
            Assert.IsTrue(tcp.ValidTcpChecksum, Convert.ToHexString(bytes));
        }, iter: 500);

    [TestMethod]
    public void AnyDatagram_Rewritten_IsRightForAnotherLibrary() =>
        Gen.Select(Gen.UInt, Gen.UShort, Gen.Byte.Array[0, 100]).Sample((destination, port, payload) =>
        {
            var bytes = PacketBuilder.Udp("192.0.2.1:5", "192.0.2.2:6").Payload(payload).Build();
            var to = new FiveTuple(IpProtocol.Udp, new(InternetAddress.Parse("10.77.0.2"), 61001), new(InternetAddress.FromIPv4(destination), port));
            Check.Parsed(bytes).Rewrite(to, ChecksumState.Complete);
            var udp = Packet.ParsePacket(LinkLayers.Raw, bytes).Extract<UdpPacket>();
            Assert.AreEqual(port, udp.DestinationPort);
            Assert.IsTrue(udp.ValidUdpChecksum, Convert.ToHexString(bytes));
        }, iter: 500);
}

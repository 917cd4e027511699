using CsCheck;
using Twins.Packets;

namespace Twins.Capture.Tests;

[TestClass]
public sealed class PacketDecoderTests
{
    private static readonly int[] LinkTypes = [0, 1, 101, 108, 113, 276, 147];
    private static readonly string[] Real = [Recorded.Held, Recorded.Answer, Recorded.Probe];

    [TestMethod]
    public void CookedSegmentWithoutItsData_AllHeadersAreRead_AndTheDataAreCounted()
    {
        var kept = PacketDecoder.Decode(Recorded.Cooked, Recorded.Bytes(Recorded.Held), out var facts);
        Assert.IsNotNull(facts);
        Assert.AreEqual(68, kept);
        Assert.AreEqual("Tcp 10.77.0.1:36530 -> 10.77.0.2:6379", facts.Tuple.ToString());
        Assert.AreEqual(2996047399u, facts.Sequence.Value);
        Assert.AreEqual(2653027681u, facts.Acknowledgment.Value);
        Assert.AreEqual(TcpFlags.Psh | TcpFlags.Ack, facts.Flags);
        Assert.AreEqual(63, facts.Window);
        Assert.AreEqual(21, facts.PayloadLength);
        Assert.AreEqual(73, facts.Length);
        Assert.AreEqual(0xB5AE, facts.Identification);
    }

    [TestMethod]
    public void SegmentWithData_IsKeptUpToThem()
    {
        byte[] frame = [.. Recorded.Bytes(Recorded.Held), .. new byte[21]];
        Assert.AreEqual(68, PacketDecoder.Decode(Recorded.Cooked, frame, out _));
    }

    [TestMethod]
    public void EthernetWithTwoTags_IsRead()
    {
        byte[] frame = [.. Recorded.Bytes("aabbccddeeff112233445566" + "88a80064" + "81000065" + "0800"), .. Recorded.Bytes(Recorded.HeldIp)];
        Assert.AreEqual(22 + 52, PacketDecoder.Decode(1, frame, out var facts));
        Assert.AreEqual(Recorded.Peer, facts?.Source);
    }

    [TestMethod]
    public void Arp_IsNoIp_AndItsLinkHeaderIsKept()
    {
        // A request of the lab: who has 10.77.0.2, tell 10.77.0.1.
        var frame = Recorded.Bytes("ffffffffffff0aa22c5438d80806" + "00010800060400010aa22c5438d80a4d00010000000000000a4d0002");
        Assert.AreEqual(14, PacketDecoder.Decode(1, frame, out var facts));
        Assert.IsNull(facts);
    }

    [TestMethod]
    public void IcmpError_SaysWhichPacketItIsAbout_AndNoMoreOfItIsKept()
    {
        // Destination unreachable, fragmentation needed, MTU 1400, from 10.77.0.9 to 10.77.0.2, about H:p -> P:q.
        var quoted = "45000598000140004006" + "0000" + "0a4d0002" + "0a4d0001" + "18eb8eb2" + "9e21fd61";
        var frame = Recorded.Bytes("4500003c00010000400100000a4d00090a4d0002" + "0304000000000578" + quoted + "00112233");
        var kept = PacketDecoder.Decode(CaptureInterface.RawIp, frame, out var facts);
        Assert.AreEqual(20 + 8 + 20 + 8, kept);
        Assert.AreEqual((3, 4), (facts!.Icmp.Type, facts.Icmp.Code));
        Assert.AreEqual("Tcp 10.77.0.2:6379 -> 10.77.0.1:36530", facts.Quoted.ToString());
    }

    [TestMethod]
    public void UdpOverIpv6BehindAnExtensionHeader_IsRead()
    {
        // A hop-by-hop header (8 octets) before UDP 53 -> 40000 with 4 octets of data.
        var frame = Recorded.Bytes("6000000000140040" + "fd770000000000000000000000000001" + "fd770000000000000000000000000002" + "1100010400000000" + "00359c40000c0000" + "01020304");
        var kept = PacketDecoder.Decode(CaptureInterface.RawIp, frame, out var facts);
        Assert.AreEqual(40 + 8 + 8, kept);
        Assert.AreEqual("Udp [fd77::1]:53 -> [fd77::2]:40000", facts!.Tuple.ToString());
        Assert.AreEqual(4, facts.PayloadLength);
    }

    [TestMethod]
    public void LaterFragment_HasNoPorts_AndItsDataAreNotKept()
    {
        var frame = Recorded.Bytes("4500001c000100b940060000" + "0a4d00010a4d0002" + "8eb218eb01020304");
        Assert.AreEqual(20, PacketDecoder.Decode(CaptureInterface.RawIp, frame, out var facts));
        Assert.IsTrue(facts!.IsLaterFragment);
        Assert.AreEqual(0, facts.Source.Port);
    }

    [TestMethod]
    public void AnyOctetsOfAnyKind_AreReadWithoutAnException_AndNoMoreIsKeptThanThereIs() =>
        Gen.Select(Gen.Int[0, 6].Select(i => LinkTypes[i]), Gen.Byte.Array[0, 120]).Sample((linkType, octets) =>
        {
            var kept = PacketDecoder.Decode(linkType, octets, out _);
            return kept >= 0 && kept <= octets.Length;
        }, iter: 20_000);

    [TestMethod]
    public void RealPacketsWithChangedOctets_AreReadWithoutAnException() =>
        Gen.Select(Gen.Int[0, 2].Select(i => Real[i]), Gen.Int[0, 67], Gen.Byte, Gen.Int[0, 68]).Sample((hex, at, octet, length) =>
        {
            var frame = Recorded.Bytes(hex);
            frame[at] = octet;
            var kept = PacketDecoder.Decode(Recorded.Cooked, frame.AsMemory(0, length), out _);
            return kept >= 0 && kept <= length;
        }, iter: 20_000);
}

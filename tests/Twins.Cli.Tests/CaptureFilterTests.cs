using System.Buffers.Binary;
using System.Net;
using Twins.Capture;
using Twins.Cli.Capturing.Linux;
using Twins.Cli.Capturing.Windows;

namespace Twins.Cli.Tests;

/// <summary>Filters of Windows (no libpcap there) against libpcap's own, and in the driver's language.</summary>
[TestClass]
public sealed class CaptureFilterTests
{
    private static readonly (string Source, string Destination)[] Ends = [("10.77.0.1", "10.77.0.2"), ("10.77.0.2", "10.77.0.1"), ("10.77.0.2", "10.77.0.3"), ("fd77::1", "fd77::2")];

    private static readonly byte[][] Packets =
    [
        .. from ends in Ends
           from protocol in (byte[])[6, 17, 1, 58, 253]
           from ports in ((ushort, ushort)[])[(40000, 6379), (6379, 40000), (53, 53)]
           select Packet(ends.Source, ends.Destination, protocol, ports.Item1, ports.Item2, fragmentOffset: 0),
        Packet("10.77.0.1", "10.77.0.2", 6, 40000, 6379, fragmentOffset: 185),
        Packet("10.77.0.1", "10.77.0.2", 17, 40000, 6379, fragmentOffset: 185),
    ];

    [TestMethod]
    [DataRow("tcp")]
    [DataRow("udp")]
    [DataRow("icmp")]
    [DataRow("icmp6")]
    [DataRow("ip")]
    [DataRow("ip6")]
    [DataRow("port 6379")]
    [DataRow("tcp port 6379")]
    [DataRow("udp src port 6379")]
    [DataRow("dst port 6379")]
    [DataRow("host 10.77.0.2")]
    [DataRow("src host 10.77.0.2")]
    [DataRow("dst 10.77.0.2")]
    [DataRow("ip host 10.77.0.1")]
    [DataRow("host fd77::1")]
    [DataRow("ip6 dst fd77::2")]
    [DataRow("tcp port 6379 and host 10.77.0.1")]
    [DataRow("tcp or udp and port 53")]
    [DataRow("tcp or ( udp and port 53 )")]
    [DataRow("tcp && !(port 6379||port 53)")]
    [DataRow("not tcp or udp")]
    [DataRow("not host 10.77.0.1 and not port 53")]
    [DataRow("not not tcp")]
    public void Filter_MeansWhatItMeansToLibpcap(string text)
    {
        using var plain = new PlainTest(text);
        using var bpf = new BpfTest(text, CaptureInterface.RawIp);
        bool[] expected = [.. Packets.Select(packet => bpf.Matches(CaptureInterface.RawIp, packet))];
        Assert.Contains(true, expected);
        Assert.Contains(false, expected);
        for (int i = 0; i < Packets.Length; i++)
            Assert.AreEqual(expected[i], plain.Matches(CaptureInterface.RawIp, Packets[i]), Convert.ToHexString(Packets[i]));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("tcp[13] & 2 != 0")]
    [DataRow("port 80 or 443")]
    [DataRow("port http")]
    [DataRow("port 0")]
    [DataRow("port 65536")]
    [DataRow("host example.org")]
    [DataRow("host 1")]
    [DataRow("10.77.0.3")]
    [DataRow("net 10.0.0.0/8")]
    [DataRow("tcp host 10.77.0.1")]
    [DataRow("icmp port 1")]
    [DataRow("(tcp")]
    [DataRow("tcp)")]
    [DataRow("tcp and")]
    [DataRow("tcp udp")]
    public void MoreOfTheLanguage_IsRefused_WithWhatThereIs(string text)
    {
        CliException failure = Assert.ThrowsExactly<CliException>(() => PlainTest.Parse(text));
        Assert.AreEqual("invalid-filter", failure.Code);
        Assert.Contains("tcp port 6379 and host 10.77.0.1", failure.Message);
    }

    [TestMethod]
    public void DeepOrLongFilter_IsRefused()
    {
        Assert.ThrowsExactly<CliException>(() => PlainTest.Parse(string.Concat(Enumerable.Repeat("not ", 1000)) + "tcp"));
        Assert.ThrowsExactly<CliException>(() => PlainTest.Parse(new string('(', 5000)));
    }

    [TestMethod]
    [DataRow("tcp port 6379 and host 10.77.0.1",
        "protocol == 6 and (tcp.SrcPort == 6379 or tcp.DstPort == 6379 or udp.SrcPort == 6379 or udp.DstPort == 6379) and (ip.SrcAddr == 10.77.0.1 or ip.DstAddr == 10.77.0.1)")]
    [DataRow("ip6 or icmp", "ipv6 or ip and protocol == 1")]
    [DataRow("dst fd77::2", "ipv6.DstAddr == fd77:0:0:0:0:0:0:2")]
    [DataRow("tcp and not port 22", "protocol == 6 and true")]
    public void DriverIsAskedForAtLeastThat(string text, string expected) => Assert.AreEqual(expected, DriverFilter.Of(PlainTest.Parse(text)).ToString());

    [TestMethod]
    public void FilterThatTheDriverHasNoRoomFor_IsLeftToUs() =>
        Assert.AreEqual("true", DriverFilter.Of(PlainTest.Parse(string.Join(" or ", Enumerable.Range(1, 64).Select(port => $"port {port}")))).ToString());

    private static byte[] Packet(string source, string destination, byte protocol, ushort sourcePort, ushort destinationPort, int fragmentOffset)
    {
        byte[] from = IPAddress.Parse(source).GetAddressBytes(), to = IPAddress.Parse(destination).GetAddressBytes();
        int header = from.Length == 4 ? 20 : 40;
        byte[] packet = new byte[header + 20];
        if (header == 20)
        {
            packet[0] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), (ushort)fragmentOffset);
            packet[8] = 64;
            packet[9] = protocol;
        }
        else
        {
            packet[0] = 0x60;
            packet[5] = 20;
            packet[6] = protocol;
            packet[7] = 64;
        }

        from.CopyTo(packet, header - 2 * from.Length);
        to.CopyTo(packet, header - to.Length);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(header), sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(header + 2), destinationPort);
        packet[header + 12] = 0x50; // TCP's header length
        if (protocol == 17)
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(header + 4), 20);
        return packet;
    }
}

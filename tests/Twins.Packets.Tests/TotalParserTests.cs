using CsCheck;

namespace Twins.Packets.Tests;

/// <summary>Any octets in: a fault or a view, and nothing that is done to a view then throws or touches octets outside of it.</summary>
[TestClass]
public sealed class TotalParserTests
{
    private static readonly byte[][] Seeds =
    [
        .. Captured.All.Select(Captured.Bytes),
        PacketBuilder.Tcp("[fd77::1]:5", "[fd77::2]:6").Extension(0, 0, 1, 4, 0, 0, 0, 0).Extension(44, 0, 0, 1, 0, 0, 0, 1).Payload("x").Build(),
        PacketBuilder.Tcp("192.0.2.1:5", "192.0.2.2:6").IpOptions(1, 131, 7, 8, 10, 0, 0, 1).Payload("x").Build(),
        PacketBuilder.Icmp("10.77.0.9", "10.77.0.2", 3, 4, 0, Captured.Bytes(Captured.Data4)).Build(),
        PacketBuilder.Icmp("fd77::9", "fd77::2", 2, 0, 1280, Captured.Bytes(Captured.Data6)).Build(),
    ];

    [TestMethod]
    public void RandomOctets_ParsedAndUsed_NeverThrow() =>
        Gen.Select(Gen.Byte.Array[0, 200], Gen.Int[0, 4]).Sample((octets, pick) =>
        {
            byte[] versions = [0x45, 0x46, 0x4F, 0x60];
            if (octets.Length > 0 && pick < versions.Length)
                octets[0] = versions[pick];
            Use(octets);
        }, iter: 50_000);

    [TestMethod]
    public void MutatedPackets_ParsedAndUsed_NeverThrow() =>
        Gen.Select(Gen.Int[0, Seeds.Length - 1], Gen.Select(Gen.Int[0, 120], Gen.Byte).Array[0, 6], Gen.Int[0, 140]).Sample((seed, changes, length) =>
        {
            var octets = Seeds[seed].ToArray();
            foreach (var (at, octet) in changes)
                octets[at % octets.Length] = octet;
            Use(octets[..Math.Min(length, octets.Length)]);
            Use(octets);
        }, iter: 50_000);

    [TestMethod]
    public void EveryOctetOfEverySeed_AtEveryValue_NeverThrows()
    {
        foreach (var seed in Seeds)
        {
            for (var at = 0; at < seed.Length; at++)
            {
                for (var value = 0; value < 256; value++)
                {
                    var octets = seed.ToArray();
                    octets[at] = (byte)value;
                    Use(octets);
                }
            }
        }
    }

    private static void Use(byte[] octets)
    {
        if (Ipv4Header.TryParse(octets, out var v4, out _))
            Assert.AreEqual(v4.TotalLength - v4.HeaderLength, v4.Payload.Length);
        if (Ipv6Header.TryParse(octets, out var v6, out _))
            Assert.AreEqual(v6.PayloadLength, v6.Payload.Length);
        if (TcpHeader.TryParse(octets, out var tcp, out _))
            Read(tcp);
        if (UdpHeader.TryParse(octets, out var udp, out _))
            Assert.AreEqual(udp.Length - 8, udp.Payload.Length);
        if (IcmpHeader.TryParse(octets, isV6: octets.Length % 2 == 0, out var icmp, out _))
            Assert.AreEqual(octets.Length - 8, icmp.Body.Length);

        const byte guard = 0xC3;
        var buffer = new byte[octets.Length + 16];
        buffer.AsSpan().Fill(guard);
        octets.CopyTo(buffer, 8);
        var window = buffer.AsSpan(8, octets.Length);
        var parsed = PacketView.TryParse(window, out var packet, out var fault);
        Assert.AreEqual(parsed, fault == PacketFault.None);
        if (!parsed)
            return;
        var rest = window[packet.Length..].ToArray();
        Read(packet);
        Change(packet);
        Check.SameBytes(rest, window[packet.Length..]);
        Assert.AreEqual(-1, buffer.AsSpan(0, 8).IndexOfAnyExcept(guard));
        Assert.AreEqual(-1, buffer.AsSpan(8 + octets.Length).IndexOfAnyExcept(guard));
    }

    private static void Read(in PacketView packet)
    {
        _ = packet.Tuple.ToString();
        _ = packet.HasRightChecksums();
        _ = packet.ChecksumOffset + packet.Transport.Length;
        if (packet.IsIPv4)
            _ = packet.Ipv4.Options.Length + packet.Ipv4.FragmentOffset + packet.Ipv4.TypeOfService;
        else
            _ = packet.Ipv6.FlowLabel + packet.Ipv6.TrafficClass;
        if (packet.IsTcp)
            Read(packet.Tcp);
        if (packet.IsUdp)
            _ = packet.Udp.Payload.Length;
        if (packet.IsIcmp)
            _ = packet.Icmp.Body.Length + packet.Icmp.RestOfHeader;
    }

    private static void Read(in TcpHeader tcp)
    {
        foreach (var option in tcp.EnumerateOptions())
            _ = option.Value.Length;
        _ = tcp.Payload.Length + tcp.SequenceLength + tcp.UrgentPointer + tcp.Window + tcp.AcknowledgmentNumber.Value + tcp.Checksum;
    }

    private static void Change(in PacketView packet)
    {
        var to = packet.Tuple.Reversed;
        packet.Rewrite(to, ChecksumState.Complete);
        packet.Rewrite(to.Reversed, ChecksumState.Partial);
        if (packet.TryGetQuoted(out var quoted, out _))
            packet.RewriteQuoted(quoted.Tuple.Reversed, packet.Destination, packet.Source);
        packet.FinishChecksum();
        if (!packet.IsIPv4)
            Assert.IsTrue(packet.HasRightChecksums(), Convert.ToHexString(packet.Bytes));
        if (!TcpSegmenter.TryCreate(packet, 7, out var segmenter))
            return;
        Span<byte> buffer = stackalloc byte[segmenter.MaximumLength];
        while (segmenter.TryNext(buffer, out var length))
            Assert.IsTrue(PacketView.TryParse(buffer[..length], out _, out _));
    }
}

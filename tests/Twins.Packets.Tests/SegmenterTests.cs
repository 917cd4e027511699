using CsCheck;

namespace Twins.Packets.Tests;

[TestClass]
public sealed class SegmenterTests
{
    [TestMethod]
    public void Superpacket_CutAtFour_IsTheseSegments()
    {
        PacketBuilder Segment(string flags, uint sequence, ushort identification, string payload) => PacketBuilder
            .Tcp("10.77.0.2:80", "192.0.2.1:40000").Flags(flags).Sequence(sequence).Identification(identification)
            .TcpOptions(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2).Payload(payload);

        var segments = Cut(Segment("APFCE", 0xFFFFFFFE, 0xFFFF, "abcdefghij").Partial().Build(), 4);
        Assert.HasCount(3, segments);
        Check.SameBytes(Segment("ACE", 0xFFFFFFFE, 0xFFFF, "abcd").Build(), segments[0], "first");
        Check.SameBytes(Segment("AE", 0x00000002, 0, "efgh").Build(), segments[1], "second");
        Check.SameBytes(Segment("APFE", 0x00000006, 1, "ij").Build(), segments[2], "last");
    }

    [TestMethod]
    public void SegmentThatFits_Cut_IsOnlyFinished()
    {
        var segments = Cut(Captured.Bytes(Captured.PartialData4), 1448);
        Assert.HasCount(1, segments);
        var expected = Captured.Bytes(Captured.PartialData4);
        Check.Parsed(expected).FinishChecksum();
        Check.SameBytes(expected, segments[0]);
    }

    [TestMethod]
    public void SegmentWithoutData_Cut_IsOneSegment() =>
        Assert.HasCount(1, Cut(PacketBuilder.Tcp("10.77.0.2:80", "192.0.2.1:40000").Build(), 1));

    [TestMethod]
    public void LargestSuperpacket_Cut_KeepsEveryOctet()
    {
        var data = new byte[65495];
        new Random(1).NextBytes(data);
        var segments = Cut(PacketBuilder.Tcp("10.77.0.2:80", "192.0.2.1:40000").Payload(data).Partial().Build(), 1448);
        Assert.HasCount(46, segments);
        Check.SameBytes(data, Reassembled(segments));
    }

    [TestMethod]
    public void AnySuperpacket_Cut_ReassemblesAndEverySumIsRight() =>
        Gen.Select(Gen.Byte.Array[0, 3000], Gen.Int[1, 1500], Gen.UInt, Gen.Bool).Sample((data, maximum, sequence, isV4) =>
        {
            var builder = isV4
                ? PacketBuilder.Tcp("10.77.0.2:80", "192.0.2.1:40000")
                : PacketBuilder.Tcp("[fd77::2]:80", "[fd99::1]:40000").Extension(60, 0, 1, 4, 0, 0, 0, 0);
            var segments = Cut(builder.Sequence(sequence).Payload(data).Build(), maximum);
            var expected = new SequenceNumber(sequence);
            foreach (var bytes in segments)
            {
                var segment = Check.Parsed(bytes);
                Assert.IsTrue(segment.HasRightChecksums(), Convert.ToHexString(bytes));
                Assert.AreEqual(expected, segment.Tcp.SequenceNumber);
                Assert.IsLessThanOrEqualTo(maximum, segment.Tcp.Payload.Length);
                expected += segment.Tcp.Payload.Length;
            }

            Check.SameBytes(data, Reassembled(segments));
        }, iter: 300);

    [TestMethod]
    public void WhatCantBeCut_Given_IsRefused()
    {
        Assert.IsFalse(TcpSegmenter.TryCreate(Check.Parsed(Captured.Bytes(Captured.Udp4)), 100, out _), "UDP");
        var syn = PacketBuilder.Tcp("10.77.0.2:80", "192.0.2.1:40000").Flags("S").Payload("fast open").Build();
        Assert.IsFalse(TcpSegmenter.TryCreate(Check.Parsed(syn), 4, out _), "a SYN with too much data");
        Assert.IsTrue(TcpSegmenter.TryCreate(Check.Parsed(syn), 9, out _), "a SYN that fits");
        var fragment = PacketBuilder.Tcp("10.77.0.2:80", "192.0.2.1:40000").Fragment(0, more: true).Payload("abcd").Build();
        Assert.IsFalse(TcpSegmenter.TryCreate(Check.Parsed(fragment), 4, out _), "a first fragment");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => TcpSegmenter.TryCreate(Check.Parsed(syn), 0, out _));
    }

    [TestMethod]
    public void BufferTooShort_Given_IsAnArgumentException()
    {
        Assert.ThrowsExactly<ArgumentException>(() =>
        {
            Assert.IsTrue(TcpSegmenter.TryCreate(Check.Parsed(Captured.Bytes(Captured.Data4)), 4, out var segmenter));
            segmenter.TryNext(new byte[segmenter.MaximumLength - 1], out _);
        });
    }

    private static List<byte[]> Cut(byte[] superpacket, int maximum)
    {
        Assert.IsTrue(TcpSegmenter.TryCreate(Check.Parsed(superpacket), maximum, out var segmenter));
        var segments = new List<byte[]>();
        var buffer = new byte[segmenter.MaximumLength];
        buffer.AsSpan().Fill(0xA5);
        while (segmenter.TryNext(buffer, out var length))
            segments.Add(buffer[..length]);
        Assert.HasCount(segmenter.Count, segments);
        return segments;
    }

    private static byte[] Reassembled(List<byte[]> segments)
    {
        var data = new List<byte>();
        foreach (var segment in segments)
            data.AddRange(Check.Parsed(segment).Tcp.Payload);
        return [.. data];
    }
}

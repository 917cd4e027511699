using System.Buffers.Binary;
using CsCheck;

namespace Twins.Capture.Tests;

[TestClass]
public sealed class CaptureFileTests
{
    // Made by the writer from one frame; each field checked by hand against draft-ietf-opsawg-pcapng, and read by tcpdump and tshark.
    private const string OneFrame =
        "0a0d0d0a" + "2c000000" + "4d3c2b1a" + "01000000" + "ffffffffffffffff" + "04000500" + "7477696e73000000" + "00000000" + "2c000000"
        + "01000000" + "28000000" + "71000000" + "00010000" + "02000300" + "616e7900" + "09000100" + "09000000" + "00000000" + "28000000"
        + "06000000" + "7c000000" + "00000000" + "e4ca4b00" + "15cd5b07" + "44000000" + "59000000";

    [TestMethod]
    public void Writer_WritesWhatTheFormatSays()
    {
        using var stream = new MemoryStream();
        using (var writer = new PcapngWriter(stream, "twins"))
            writer.Write(Recorded.Frame(Recorded.Held, 0x004BCAE4_075BCD15, 89, FrameDirection.Inbound), 68, "twins: x");
        var written = Convert.ToHexStringLower(stream.ToArray());
        Assert.StartsWith(OneFrame + Recorded.Held, written);
        Assert.AreEqual("01000800" + "7477696e733a2078" + "02000400" + "01000000" + "00000000" + "7c000000", written[(OneFrame + Recorded.Held).Length..]);
    }

    [TestMethod]
    public void WhatWasWritten_IsReadAgain()
    {
        using var stream = new MemoryStream();
        var writer = new PcapngWriter(stream, "twins 0.1.0");
        var other = new CaptureInterface("twin", Recorded.Cooked, 256);
        CapturedFrame[] frames =
        [
            Recorded.Frame(Recorded.Held, 1_795_789_074_347_793_001, 89, FrameDirection.Inbound) with { Comment = "twins: did=held" },
            Recorded.Frame(Recorded.Released, 1_795_789_074_462_770_000, 89, FrameDirection.Outbound),
            Recorded.Frame(Recorded.Answer, 1_795_789_074_463_487_000, 73) with { Interface = other, Comment = "é" },
        ];
        foreach (var frame in frames)
            writer.Write(frame, frame.Octets.Length, frame.Comment);
        var read = Read(stream.ToArray());
        Assert.HasCount(3, read);
        for (var i = 0; i < 3; i++)
        {
            Assert.AreEqual(frames[i] with { Octets = default }, read[i] with { Octets = default });
            Assert.AreEqual(Convert.ToHexString(frames[i].Octets.Span), Convert.ToHexString(read[i].Octets.Span));
        }
    }

    [TestMethod]
    public void PcapOfTcpdump_IsRead_InBothByteOrdersAndResolutions()
    {
        // pcap-savefile(5): magic, version 2.4, zone, sigfigs, snaplen, link type; then seconds, fraction, kept, length.
        var little = Recorded.Bytes("d4c3b2a1" + "0200" + "0400" + "00000000" + "00000000" + "00000400" + "71000000" + "12a9096b" + "b18d0500" + "44000000" + "59000000" + Recorded.Held);
        var frame = Read(little).Single();
        Assert.AreEqual(1_795_795_218_363_953_000L, frame.Nanoseconds);
        Assert.AreEqual((Recorded.Cooked, 68, 89), (frame.Interface.LinkType, frame.Octets.Length, frame.Length));
        var big = Recorded.Bytes("a1b23c4d" + "0002" + "0004" + "00000000" + "00000000" + "00040000" + "00000071" + "6b09a912" + "00058db1" + "00000044" + "00000059" + Recorded.Held);
        Assert.AreEqual(1_795_795_218_000_363_953L, Read(big).Single().Nanoseconds);
    }

    [TestMethod]
    public void PcapngOfOthers_BigEndianMicrosecondsUnknownBlocksAndSimplePackets_IsRead()
    {
        var section = "0a0d0d0a" + "0000001c" + "1a2b3c4d" + "00010000" + "ffffffffffffffff" + "0000001c";
        var ethernet = "00000001" + "00000014" + "0001" + "0000" + "00000000" + "00000014";
        var unknown = "00000bad" + "00000010" + "01020304" + "00000010";
        var enhanced = "00000006" + "00000024" + "00000000" + "00000001" + "00000002" + "00000004" + "0000003c" + "01020304" + "00000024";
        var simple = "00000003" + "00000014" + "00000004" + "0a0b0c0d" + "00000014";
        var read = Read(Recorded.Bytes(section + ethernet + unknown + enhanced + simple));
        Assert.HasCount(2, read);
        Assert.AreEqual(0x1_0000_0002L * 1000, read[0].Nanoseconds);
        Assert.AreEqual((1, 60, "01020304"), (read[0].Interface.LinkType, read[0].Length, Convert.ToHexString(read[0].Octets.Span)));
        Assert.AreEqual("0A0B0C0D", Convert.ToHexString(read[1].Octets.Span));
    }

    [TestMethod]
    public void NoCapture_IsRefusedWithoutReadingOn() =>
        Assert.Contains("neither a pcapng nor a pcap file", Assert.ThrowsExactly<CaptureFileException>(() => CaptureFile.Read(new MemoryStream("root:x:0:0"u8.ToArray()))).Message);

    [TestMethod]
    public void CutOff_TheFramesBeforeAreGiven_AndThePlaceIsTold()
    {
        using var stream = new MemoryStream();
        var writer = new PcapngWriter(stream, "twins");
        writer.Write(Recorded.Frame(Recorded.Held, 1, 89), 68, "");
        writer.Write(Recorded.Frame(Recorded.Answer, 2, 73), 68, "");
        var got = new List<CapturedFrame>();
        var failure = Assert.ThrowsExactly<CaptureFileException>(() => Enumerate(stream.ToArray()[..^10], got).Count());
        Assert.HasCount(1, got);
        Assert.Contains("it ends within a block", failure.Message);
    }

    [TestMethod]
    public void LengthsThatAreNonsense_AreRefused()
    {
        var block = Recorded.Bytes(OneFrame[..(44 * 2)] + "06000000" + "ffffff7f");
        Assert.Contains("a block of 2147483647 octets", Assert.ThrowsExactly<CaptureFileException>(() => Read(block)).Message);
    }

    [TestMethod]
    public void AnyChangedOctets_GiveFramesOrThatOneException()
    {
        using var stream = new MemoryStream();
        var writer = new PcapngWriter(stream, "twins");
        writer.Write(Recorded.Frame(Recorded.Held, 1, 89), 68, "twins: did=held");
        writer.Write(Recorded.Frame(Recorded.Answer, 2, 73), 68, "");
        var whole = stream.ToArray();
        Gen.Select(Gen.Int[0, whole.Length - 1].Array[1, 4], Gen.Byte, Gen.Int[4, whole.Length]).Sample((places, octet, length) =>
        {
            var octets = (byte[])whole.Clone();
            foreach (var place in places)
                octets[place] = octet;
            try
            {
                return Read(octets[..length]).Count >= 0;
            }
            catch (CaptureFileException)
            {
                return true;
            }
        }, iter: 20_000);
    }

    [TestMethod]
    public void TwinsPackets_GetTheLinkHeaderOfTheOthers()
    {
        var packet = new CapturedFrame(new CaptureInterface("twin", CaptureInterface.RawIp, 0), 1, Recorded.Bytes(Recorded.HeldIp), 73);
        var cooked = LinkHeader.Add(packet, Recorded.Any);
        Assert.AreEqual((Recorded.Cooked, 256, 89), (cooked.Interface.LinkType, cooked.Interface.SnapLength, cooked.Length));
        Assert.AreEqual("0000FFFE000000000000000000000800" + Recorded.HeldIp.ToUpperInvariant(), Convert.ToHexString(cooked.Octets.Span));
        Assert.AreEqual("Tcp 10.77.0.1:36530 -> 10.77.0.2:6379", Decoded(LinkHeader.Add(packet, new CaptureInterface("eth0", 1, 0))));
        Assert.AreEqual("Tcp 10.77.0.1:36530 -> 10.77.0.2:6379", Decoded(LinkHeader.Add(packet, new CaptureInterface("any", 276, 0))));
        Assert.AreEqual(packet, LinkHeader.Add(packet, packet.Interface));
    }

    [TestMethod]
    public void ReadAgain_TheLinesAreThoseThatWereWritten()
    {
        var written = new List<PacketLine>();
        var joiner = new PacketJoiner(new FlowBook(), TimeSpan.FromMilliseconds(250), keepsPayload: false, written.Add);
        joiner.Add(Recorded.Frame(Recorded.Held, 1_000_000, 89));
        joiner.Add(PacketJoinerTests.HeldRecord(1_050_000, TwinVerdict.Held));
        joiner.Add(PacketJoinerTests.HeldRecord(90_000_000, TwinVerdict.Released));
        joiner.Add(Recorded.Frame(Recorded.Released, 90_100_000, 89));
        joiner.Add(PacketJoinerTests.AnswerRecord(91_050_000));
        joiner.Add(Recorded.Frame(Recorded.Answer, 91_000_000, 73));
        joiner.Add(Recorded.Frame(Recorded.AnswerRewritten, 91_100_000, 73));
        joiner.Finish();
        using var stream = new MemoryStream();
        var writer = new PcapngWriter(stream, "twins");
        foreach (var line in written)
        {
            for (var i = 0; i < line.Frames.Count; i++)
                writer.Write(LinkHeader.Add(line.Frames[i], Recorded.Any), LinkHeader.Add(line.Frames[i], Recorded.Any).Octets.Length, PacketComment.Of(line, i > 0)?.ToString() ?? "");
        }

        var again = new List<PacketLine>();
        var flows = new FlowBook();
        var replayed = new PacketJoiner(flows, TimeSpan.FromMilliseconds(250), keepsPayload: false, again.Add);
        CaptureReplay.Run(Enumerate(stream.ToArray(), []), flows, replayed);
        replayed.Finish();
        Assert.HasCount(3, again);
        Assert.AreEqual(string.Join('\n', written.Select(Told)), string.Join('\n', again.Select(Told)));
    }

    private static string Told(PacketLine line) => $"{line.Facts!.Tuple} {line.Label} {line.Verdict} {line.Reason} {line.NextLeg} {line.Rewritten} {line.Marks} {line.Frames.Count}";

    private static string Decoded(CapturedFrame frame)
    {
        PacketDecoder.Decode(frame.Interface.LinkType, frame.Octets, out var facts);
        return facts!.Tuple.ToString();
    }

    private static List<CapturedFrame> Read(byte[] octets) => [.. CaptureFile.Read(new MemoryStream(octets))];

    private static IEnumerable<CapturedFrame> Enumerate(byte[] octets, List<CapturedFrame> got)
    {
        foreach (var frame in CaptureFile.Read(new MemoryStream(octets)))
        {
            got.Add(frame);
            yield return frame;
        }
    }
}

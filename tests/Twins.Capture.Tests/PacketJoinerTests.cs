using Twins.Packets;

namespace Twins.Capture.Tests;

[TestClass]
public sealed class PacketJoinerTests
{
    private readonly FlowBook _flows = new();
    private readonly List<PacketLine> _lines = [];
    private readonly PacketJoiner _joiner;

    public PacketJoinerTests() => _joiner = new PacketJoiner(_flows, TimeSpan.FromMilliseconds(250), keepsPayload: false, _lines.Add);

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void BothSidesOfARewriteAndTheTwinsWord_AreOneLine(bool recordFirst)
    {
        if (recordFirst)
            _joiner.Add(AnswerRecord(1_050_000));
        _joiner.Add(Recorded.Frame(Recorded.Answer, 1_000_000, 73, FrameDirection.Inbound));
        _joiner.Add(Recorded.Frame(Recorded.AnswerRewritten, 1_100_000, 73, FrameDirection.Outbound));
        if (!recordFirst)
            _joiner.Add(AnswerRecord(1_050_000));
        _joiner.Finish();
        var line = _lines.Single();
        Assert.AreEqual(TwinVerdict.Rewritten, line.Verdict);
        Assert.AreEqual(1_000_000, line.Nanoseconds);
        Assert.AreEqual("Tcp 10.77.0.3:61000 -> 10.77.0.2:61000", line.Facts!.Tuple.ToString());
        Assert.AreEqual("Tcp 10.77.0.2:6379 -> 10.77.0.1:36530", line.Rewritten.ToString());
        Assert.AreEqual(new PacketLabel("cache", new Connection(IpProtocol.Tcp, Recorded.Home, Recorded.Peer), PathLeg.HomeHost, ToProcess: false), line.Label);
        Assert.AreEqual(PathLeg.PeerHome, line.NextLeg);
        Assert.AreEqual("1000000 1100000", string.Join(' ', line.Frames.Select(frame => frame.Nanoseconds)));
    }

    [TestMethod]
    public void HeldThenReleased_AreTwoLines_AndTheReleaseIsNoRetransmission()
    {
        _joiner.Add(Recorded.Frame(Recorded.Held, 1_000_000, 89));
        _joiner.Add(HeldRecord(1_050_000, TwinVerdict.Held));
        _joiner.Add(HeldRecord(90_000_000, TwinVerdict.Released));
        _joiner.Add(Recorded.Frame(Recorded.Released, 90_100_000, 89));
        _joiner.Finish();
        Assert.AreEqual("Held Released", string.Join(' ', _lines.Select(line => line.Verdict)));
        Assert.AreEqual("any", string.Join(' ', _lines[0].Frames.Select(frame => frame.Interface.Name)));
        Assert.AreEqual("twin any", string.Join(' ', _lines[1].Frames.Select(frame => frame.Interface.Name)));
        Assert.IsTrue(_lines.All(line => line.Marks == TcpMarks.None));
        Assert.AreEqual("Tcp 10.77.0.2:61000 -> 10.77.0.3:61000", _lines[1].Rewritten.ToString());
    }

    [TestMethod]
    public void DroppedPacket_SaysTheReason_AndWhose()
    {
        _joiner.Add(HeldRecord(1_000_000, TwinVerdict.Dropped) with { Reason = "HoldFull", Source = null, Destination = null, NextLeg = PathLeg.Unknown });
        _joiner.Finish();
        var line = _lines.Single();
        Assert.AreEqual("HoldFull", line.Reason);
        Assert.AreEqual("cache", line.Label?.Process);
        Assert.IsNull(line.Rewritten);
    }

    [TestMethod]
    public void SegmentsThatTheTwinPutTogether_BelongToOneOfItsRecords()
    {
        // Two records of 21 octets each leave as one frame of 42; the kernel does that with a GSO packet.
        var second = Recorded.Bytes(Recorded.HeldIp);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(second.AsSpan(24), 2996047399u + 21);
        _joiner.Add(HeldRecord(1_000_000, TwinVerdict.Rewritten));
        _joiner.Add(HeldRecord(1_001_000, TwinVerdict.Rewritten) with { Octets = second });
        var whole = Recorded.Bytes(Recorded.Released);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(whole.AsSpan(18), 52 + 42);
        _joiner.Add(new CapturedFrame(Recorded.Any, 1_100_000, whole, 16 + 52 + 42));
        _joiner.Finish();
        Assert.HasCount(2, _lines);
        Assert.AreEqual(1, _lines.Sum(line => line.Frames.Count(frame => frame.Interface == Recorded.Any)));
    }

    [TestMethod]
    public void FrameThatNoTwinToldOf_IsALineOfItsOwn_WithTheLabelOfItsFlow()
    {
        _flows.Add("cache", new Connection(IpProtocol.Tcp, Recorded.Home, Recorded.Peer), Recorded.HomeLeg, Recorded.HostLeg);
        _joiner.Add(Recorded.Frame(Recorded.Request, 1_000_000, 89));
        _joiner.Add(Recorded.Frame(Recorded.Answer, 2_000_000, 73));
        _joiner.Finish();
        Assert.AreEqual("PeerHome True, HomeHost False", string.Join(", ", _lines.Select(line => $"{line.Label!.Leg} {line.Label.ToProcess}")));
        Assert.IsTrue(_lines.All(line => line.Label!.Connection.ToString() == Recorded.Connection && line.Verdict == TwinVerdict.None));
    }

    [TestMethod]
    public void FlowsAreLearnedFromWhatTwinsDo()
    {
        _joiner.Add(AnswerRecord(1_000_000));
        _joiner.Finish();
        var label = _flows.Find(Recorded.Facts(Recorded.Released));
        Assert.AreEqual(Recorded.Connection, label?.Connection.ToString());
        Assert.AreEqual(PathLeg.HomeHost, label?.Leg);
        Assert.IsTrue(label!.ToProcess);
    }

    [TestMethod]
    public void ListenerOfAProcess_LabelsConnectionsThatNobodyKnewBefore()
    {
        _flows.AddListener("cache", IpProtocol.Tcp, Recorded.Home);
        Assert.AreEqual(new PacketLabel("cache", new Connection(IpProtocol.Tcp, Recorded.Home, Recorded.Peer), PathLeg.PeerHome, ToProcess: true), _flows.Find(Recorded.Facts(Recorded.Request)));
        Assert.AreEqual(new PacketLabel("cache", new Connection(IpProtocol.Tcp, Recorded.Home, Recorded.Peer), PathLeg.PeerHome, ToProcess: false), _flows.Find(Recorded.Facts(Recorded.AnswerRewritten)));
    }

    [TestMethod]
    [DataRow("from the peer", ResetSender.Peer)]
    [DataRow("from home's stack, redirected", ResetSender.HomeStack)]
    [DataRow("from home's stack, not redirected", ResetSender.Process)]
    [DataRow("from the host", ResetSender.Process)]
    [DataRow("of nobody", ResetSender.Unknown)]
    public void Reset_IsPutToWhoSentIt(string sent, ResetSender expected)
    {
        var connection = new Connection(IpProtocol.Tcp, Recorded.Home, Recorded.Peer);
        if (sent != "of nobody")
            _flows.Add("cache", connection, sent == "from home's stack, not redirected" ? null : Recorded.HomeLeg, Recorded.HostLeg);
        var reset = Recorded.Bytes(sent is "from the peer" or "of nobody" ? Recorded.Request : sent == "from the host" ? Recorded.Answer : Recorded.AnswerRewritten);
        reset[16 + 20 + 13] = (byte)(TcpFlags.Rst | TcpFlags.Ack);
        if (sent == "from the host")
            _joiner.Add(AnswerRecord(1_000_000) with { Octets = reset.AsMemory(16) });
        else
            _joiner.Add(new CapturedFrame(Recorded.Any, 1_000_000, reset, reset.Length));
        _joiner.Finish();
        Assert.AreEqual(expected, _lines.Single().ResetBy);
        Assert.AreEqual(TcpMarks.Reset, _lines.Single().Marks & TcpMarks.Reset);
    }

    [TestMethod]
    public void Payload_IsKeptOnlyIfWanted()
    {
        byte[] frame = [.. Recorded.Bytes(Recorded.Held), .. "*3 SECRET DATA INCR n"u8];
        _joiner.Add(new CapturedFrame(Recorded.Any, 1, frame, frame.Length));
        _joiner.Finish();
        _joiner.Add(HeldRecord(100_000_000, TwinVerdict.Dropped) with { Octets = frame.AsMemory(16), Reason = "HoldFull", Source = null, Destination = null });
        _joiner.Finish();
        Assert.AreEqual("68 52", string.Join(' ', _lines.Select(line => line.Frames.Single().Octets.Length)));
        var whole = new List<PacketLine>();
        var keeping = new PacketJoiner(_flows, TimeSpan.Zero, keepsPayload: true, whole.Add);
        keeping.Add(new CapturedFrame(Recorded.Any, 1, frame, frame.Length));
        keeping.Finish();
        Assert.AreEqual(89, whole.Single().Frames.Single().Octets.Length);
    }

    [TestMethod]
    public void Lines_ComeInTheOrderOfTime_WhenTheyHaveWaited()
    {
        _joiner.Add(Recorded.Frame(Recorded.Answer, 5_000_000, 73));
        _joiner.Add(Recorded.Frame(Recorded.Request, 1_000_000, 89));
        _joiner.Advance(200_000_000);
        Assert.IsEmpty(_lines);
        _joiner.Advance(252_000_000);
        Assert.HasCount(1, _lines);
        _joiner.Advance(256_000_000);
        Assert.AreEqual("1000000 5000000", string.Join(' ', _lines.Select(line => line.Nanoseconds)));
    }

    internal static TwinRecord AnswerRecord(long nanoseconds) => new(nanoseconds, "cache", TwinVerdict.Rewritten, Recorded.Bytes(Recorded.Answer).AsMemory(16), 57)
    { Leg = PathLeg.HomeHost, NextLeg = PathLeg.PeerHome, Source = Recorded.Home, Destination = Recorded.Peer };

    internal static TwinRecord HeldRecord(long nanoseconds, TwinVerdict verdict) => new(nanoseconds, "cache", verdict, Recorded.Bytes(Recorded.HeldIp), 73)
    {
        Leg = PathLeg.PeerHome,
        NextLeg = verdict == TwinVerdict.Held ? PathLeg.Unknown : PathLeg.HomeHost,
        Source = verdict == TwinVerdict.Held ? null : Recorded.HomeLeg,
        Destination = verdict == TwinVerdict.Held ? null : Recorded.HostLeg,
    };
}

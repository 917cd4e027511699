using Twins.Packets;

namespace Twins.Capture.Tests;

[TestClass]
public sealed class CaptureSummaryTests
{
    private static readonly Connection Known = new(IpProtocol.Tcp, Recorded.Home, Recorded.Peer);
    private readonly CaptureSummary _summary = new();

    [TestMethod]
    public void Silence_IsTheLongestTimeBetweenTwoPackets_AndThatToThePeerApart()
    {
        Add(0, toProcess: true);
        Add(10, toProcess: false);
        Add(40, toProcess: true);
        Add(500, toProcess: true, TwinVerdict.Held);
        Add(520, toProcess: true, TwinVerdict.Released);
        Add(530, toProcess: false, TwinVerdict.Rewritten);
        var one = _summary.Connections.Single();
        Assert.AreEqual(460, one.LongestSilence.TotalMilliseconds);
        Assert.AreEqual(40_000_000, one.LongestSilenceSince);
        Assert.AreEqual(520, one.LongestSilenceToPeer.TotalMilliseconds);
        Assert.AreEqual((3L, 2L, 63L, 42L), (one.PacketsToProcess, one.PacketsToPeer, one.BytesToProcess, one.BytesToPeer));
        Assert.AreEqual((1L, 1L, 1L), (one.Held, one.Released, one.Rewritten));
        Assert.AreEqual(6, _summary.Packets);
    }

    [TestMethod]
    public void DropsTroubleAndResets_AreCounted()
    {
        _summary.Add(Line(0, true, TwinVerdict.Dropped) with { Reason = "HoldFull" });
        _summary.Add(Line(1, true, TwinVerdict.Dropped) with { Reason = "HoldFull", Marks = TcpMarks.Retransmission });
        _summary.Add(Line(2, true, TwinVerdict.None) with { Marks = TcpMarks.Reset, ResetBy = ResetSender.Peer });
        var one = _summary.Connections.Single();
        Assert.AreEqual("[HoldFull, 2]", string.Join(' ', one.Dropped));
        Assert.AreEqual("[reset, 1] [retransmission, 1]", string.Join(' ', one.Trouble));
        Assert.AreEqual(ResetSender.Peer, one.ResetBy);
    }

    [TestMethod]
    public void ConnectionOfNobody_IsAddedUpByItsEnds_TheLowerPortAsItsOwn()
    {
        _summary.Add(Line(0, true, TwinVerdict.None) with { Label = null });
        _summary.Add(Line(1, false, TwinVerdict.None) with { Label = null });
        var one = _summary.Connections.Single();
        Assert.AreEqual((Recorded.Connection, 1L, 1L), (one.Connection.ToString(), one.PacketsToProcess, one.PacketsToPeer));
    }

    [TestMethod]
    public void FrameSeenAgain_CountsNothing()
    {
        _summary.Add(Line(0, true, TwinVerdict.None) with { IsSeenAgain = true });
        Assert.AreEqual(0, _summary.Packets);
    }

    private void Add(long milliseconds, bool toProcess, TwinVerdict verdict = TwinVerdict.None) => _summary.Add(Line(milliseconds, toProcess, verdict));

    private static PacketLine Line(long milliseconds, bool toProcess, TwinVerdict verdict) => new()
    {
        Nanoseconds = milliseconds * 1_000_000,
        Facts = new PacketFacts(IpProtocol.Tcp, toProcess ? Recorded.Peer : Recorded.Home, toProcess ? Recorded.Home : Recorded.Peer) { PayloadLength = 21 },
        Label = new PacketLabel("cache", Known, PathLeg.PeerHome, toProcess),
        Verdict = verdict,
    };
}

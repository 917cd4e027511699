using Twins.Packets;

namespace Twins.Capture.Tests;

/// <summary>What is marked, row by row: segments of one direction as they pass, with the time in milliseconds.</summary>
[TestClass]
public sealed class TcpWatcherTests
{
    private static readonly FiveTuple Direction = new(IpProtocol.Tcp, Recorded.Peer, Recorded.Home);
    private readonly TcpWatcher _watcher = new();

    [TestMethod]
    public void SegmentsInOrder_HaveNoMarks()
    {
        See(0, TcpMarks.None, 1000, 0, TcpFlags.Syn);
        See(1, TcpMarks.None, 1001, 0);
        See(2, TcpMarks.None, 1001, 100);
        See(3, TcpMarks.None, 1101, 50);
        See(4, TcpMarks.None, 1151, 0, TcpFlags.Fin | TcpFlags.Ack);
    }

    [TestMethod]
    public void DataSeenBefore_AreARetransmission()
    {
        See(0, TcpMarks.None, 1000, 100);
        See(1, TcpMarks.None, 1100, 100);
        See(250, TcpMarks.Retransmission, 1100, 100);
        See(251, TcpMarks.Retransmission, 1050, 200);
        See(252, TcpMarks.None, 1250, 10);
    }

    [TestMethod]
    public void SynAndFinSentAgain_AreRetransmissions()
    {
        See(0, TcpMarks.None, 1000, 0, TcpFlags.Syn);
        See(1000, TcpMarks.Retransmission, 1000, 0, TcpFlags.Syn);
        See(1001, TcpMarks.None, 1001, 0, TcpFlags.Fin | TcpFlags.Ack);
        See(1200, TcpMarks.Retransmission, 1001, 0, TcpFlags.Fin | TcpFlags.Ack);
    }

    [TestMethod]
    public void Gap_FilledAtOnce_IsOutOfOrder_AndFilledLater_ARetransmission()
    {
        See(0, TcpMarks.None, 1000, 100);
        See(1, TcpMarks.GapBefore, 1200, 100);
        See(2, TcpMarks.OutOfOrder, 1100, 100);
        See(3, TcpMarks.GapBefore, 1400, 100);
        See(300, TcpMarks.Retransmission, 1300, 100);
        See(301, TcpMarks.None, 1500, 10);
    }

    [TestMethod]
    public void Gap_FilledInTwoPieces_BothAreOutOfOrder()
    {
        See(0, TcpMarks.None, 1000, 100);
        See(1, TcpMarks.GapBefore, 1300, 100);
        See(2, TcpMarks.OutOfOrder, 1200, 100);
        See(3, TcpMarks.OutOfOrder, 1100, 100);
        See(4, TcpMarks.Retransmission, 1100, 100);
    }

    [TestMethod]
    public void WindowOfZero_IsMarked_ButNotInASynOrReset()
    {
        See(0, TcpMarks.None, 1000, 0, TcpFlags.Syn, window: 0);
        See(1, TcpMarks.ZeroWindow, 1001, 0, window: 0);
        See(2, TcpMarks.Reset, 1001, 0, TcpFlags.Rst, window: 0);
    }

    [TestMethod]
    public void OneOctetBack_IsAKeepAlive()
    {
        See(0, TcpMarks.None, 1000, 100);
        See(1, TcpMarks.KeepAlive, 1099, 0);
        See(2, TcpMarks.KeepAlive, 1099, 1);
        See(3, TcpMarks.None, 1100, 1);
    }

    [TestMethod]
    public void ProbeAsTheFirstThatIsSeen_MakesNoGap()
    {
        See(0, TcpMarks.None, 1099, 0);
        See(1, TcpMarks.None, 1100, 10);
        See(2, TcpMarks.GapBefore, 1111, 10);
    }

    [TestMethod]
    public void PortsUsedAnew_BeginAnew()
    {
        See(0, TcpMarks.None, 1000, 100);
        See(1, TcpMarks.None, 50_000, 0, TcpFlags.Syn);
        See(2, TcpMarks.None, 50_001, 10);
    }

    [TestMethod]
    public void NumbersThatPassTheirEnd_AreInOrder()
    {
        See(0, TcpMarks.None, 0xFFFFFFF0, 0x10);
        See(1, TcpMarks.None, 0, 16);
        See(2, TcpMarks.Retransmission, 0xFFFFFFF0, 0x20);
    }

    [TestMethod]
    public void SameFrame_OfAnotherInterface_IsSeenAgain_ButNotOneThatWasSentAgain()
    {
        var facts = Recorded.Facts(Recorded.Request);
        _watcher.Watch(Direction, facts, 1_000_000);
        Assert.IsTrue(_watcher.IsSeenAgain(Direction, facts, 1_100_000, 10_000_000));
        Assert.IsFalse(_watcher.IsSeenAgain(Direction, facts with { Identification = 7 }, 1_100_000, 10_000_000));
        Assert.IsFalse(_watcher.IsSeenAgain(Direction, facts, 20_000_000, 10_000_000));
    }

    private void See(long milliseconds, TcpMarks expected, uint sequence, int payload, TcpFlags flags = TcpFlags.Ack, ushort window = 64)
    {
        var facts = new PacketFacts(IpProtocol.Tcp, Recorded.Peer, Recorded.Home)
        { Sequence = new SequenceNumber(sequence), PayloadLength = payload, Flags = flags, Window = window };
        Assert.AreEqual(expected, _watcher.Watch(Direction, facts, milliseconds * 1_000_000), $"at {milliseconds} ms, seq {sequence}, {payload} octets");
    }
}

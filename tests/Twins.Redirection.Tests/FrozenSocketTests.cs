using Twins.Packets;
using Twins.Packets.Tests;
using static Twins.Redirection.Tests.Names;

namespace Twins.Redirection.Tests;

/// <summary>The socket was frozen with SND.NXT 5000 and RCV.NXT 9000.</summary>
[TestClass]
public sealed class FrozenSocketTests
{
    private static readonly byte[] PeersTimestamps = [1, 1, 8, 10, 0, 0, 0x30, 0x39, 0, 0, 0, 7];

    private static FrozenSocket Frozen(uint? timestamp = 77) =>
        new(Tcp(Home, Peer), new SequenceNumber(5000), new SequenceNumber(9000), timestamp);

    private static PacketBuilder FromPeer(uint sequence, string payload = "", string flags = "A") =>
        PacketBuilder.Tcp(Peer, Home).Flags(flags).Sequence(sequence).Acknowledgment(5000).TcpOptions(PeersTimestamps).Payload(payload);

    [TestMethod]
    [DataRow("data", 9000u, "data", "PA", true)]
    [DataRow("data behind a gap", 9100u, "data", "PA", true)]
    [DataRow("data that was acknowledged before", 8996u, "data", "PA", true)]
    [DataRow("the peer's end", 9000u, "", "FA", true)]
    [DataRow("a keepalive probe", 8999u, "", "A", true)]
    [DataRow("a keepalive probe of one octet", 8999u, "x", "A", true)]
    [DataRow("an acknowledgment", 9000u, "", "A", false)]
    [DataRow("an acknowledgment behind data that is lost", 9100u, "", "A", false)]
    [DataRow("a SYN", 9000u, "", "S", false)]
    [DataRow("a SYN that is acknowledged", 8999u, "", "SA", false)]
    [DataRow("a reset", 8999u, "", "RA", false)]
    [DataRow("data without an acknowledgment", 9000u, "data", "P", false)]
    public void Segment_IsAnsweredWhenThePeerWaitsForSomething(string sentence, uint sequence, string payload, string flags, bool isAsked)
    {
        var bytes = FromPeer(sequence, payload, flags).Build();
        Assert.IsTrue(PacketView.TryParse(bytes, out var packet, out _));
        Assert.AreEqual(isAsked, Frozen().IsAskedBy(packet.Tcp), sentence);
    }

    [TestMethod]
    public void TwoFrozenSockets_DoNotAnswerEachOther()
    {
        var peer = new FrozenSocket(Tcp(Peer, Home), new SequenceNumber(9000), new SequenceNumber(5000), timestamp: 12);
        Assert.IsTrue(PacketView.TryParse(AnswerTo(FromPeer(9000, "data"), Frozen()), out var answer, out _));
        Assert.IsFalse(peer.IsAskedBy(answer.Tcp));
    }

    [TestMethod]
    public void Answer_AcknowledgesWhatWasThereBefore_AndTakesNothing() => Assert.AreEqual(
        Convert.ToHexString(PacketBuilder.Tcp(Home, Peer).Identification(0).Sequence(5000).Acknowledgment(9000).Window(0)
            .TcpOptions(1, 1, 8, 10, 0, 0, 0, 77, 0, 0, 0x30, 0x39).Build()),
        Convert.ToHexString(AnswerTo(FromPeer(9000, "data"), Frozen())));

    [TestMethod]
    public void Answer_WithoutTimestamps_HasNoOptions() => Assert.AreEqual(
        Convert.ToHexString(PacketBuilder.Tcp(Home, Peer).Identification(0).Sequence(5000).Acknowledgment(9000).Window(0).Build()),
        Convert.ToHexString(AnswerTo(FromPeer(8999), Frozen(timestamp: null))));

    [TestMethod]
    public void Burst_IsAnsweredOnceInAHundredMilliseconds()
    {
        var bytes = FromPeer(9000, "data").Build();
        Assert.IsTrue(PacketView.TryParse(bytes, out var packet, out _));
        var socket = Frozen();
        var answer = new byte[FrozenSocket.LongestAnswerBytes];
        Assert.AreEqual(52, socket.WriteAnswer(packet.Tcp, 1000, answer));
        Assert.AreEqual(0, socket.WriteAnswer(packet.Tcp, 1099, answer));
        Assert.AreEqual(52, socket.WriteAnswer(packet.Tcp, 1100, answer));
    }

    [TestMethod]
    [DataRow(8999u, "", true)]
    [DataRow(8999u, "x", true)]
    [DataRow(8996u, "data", true)]
    [DataRow(8998u, "data", false)]
    [DataRow(9000u, "data", false)]
    public void Probe_BringsNothingNew(uint sequence, string payload, bool isProbe)
    {
        Assert.IsTrue(PacketView.TryParse(FromPeer(sequence, payload).Build(), out var packet, out _));
        Assert.AreEqual(isProbe, Frozen().IsProbe(packet.Tcp));
    }

    [TestMethod]
    public void OtherThanTcpOverIPv4_IsRefused()
    {
        Assert.ThrowsExactly<ArgumentException>(() => new FrozenSocket(Udp(Home, Peer), default, default, null));
        Assert.ThrowsExactly<ArgumentException>(() => new FrozenSocket(Tcp("[fd77::2]:80", "[fd77::1]:40000"), default, default, null));
    }

    private static byte[] AnswerTo(PacketBuilder segment, FrozenSocket socket)
    {
        Assert.IsTrue(PacketView.TryParse(segment.Build(), out var packet, out _));
        var answer = new byte[FrozenSocket.LongestAnswerBytes];
        return answer[..socket.WriteAnswer(packet.Tcp, 0, answer)];
    }
}

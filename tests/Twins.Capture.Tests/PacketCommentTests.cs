using CsCheck;
using Twins.Packets;

namespace Twins.Capture.Tests;

[TestClass]
public sealed class PacketCommentTests
{
    [TestMethod]
    public void Comment_SaysAllOnOneLine_AndIsReadAgain()
    {
        const string Text = "twins: did=released process=cache connection=tcp/10.77.0.1:36530<->10.77.0.2:6379 leg=peer-home to=process next-leg=home-host source=10.77.0.2:61000 destination=10.77.0.3:61000";
        Assert.IsTrue(PacketComment.TryParse(Text, out var comment));
        Assert.AreEqual(TwinVerdict.Released, comment.Verdict);
        Assert.AreEqual("Tcp 10.77.0.2:61000 -> 10.77.0.3:61000", comment.Rewritten.ToString());
        Assert.AreEqual(new Connection(IpProtocol.Tcp, Recorded.Home, Recorded.Peer), comment.Connection);
        Assert.AreEqual(Text, comment.ToString());
    }

    [TestMethod]
    public void MarksAndWhoReset_AreForPeople()
    {
        var comment = new PacketComment("cache", null, PathLeg.PeerHome, ToProcess: true) { Marks = TcpMarks.Retransmission | TcpMarks.ZeroWindow, ResetBy = ResetSender.HomeStack };
        Assert.AreEqual("twins: process=cache leg=peer-home marks=retransmission,zero-window reset-by=home-stack", comment.ToString());
    }

    [TestMethod]
    public void OthersComments_AreNone()
    {
        Assert.IsFalse(PacketComment.TryParse("look at this one", out _));
        Assert.IsFalse(PacketComment.TryParse("", out _));
    }

    [TestMethod]
    public void AnyText_IsReadWithoutAnException() => Gen.String.Sample(text => PacketComment.TryParse("twins:" + text, out _), iter: 5000);

    [TestMethod]
    public void ConnectionOfIpv6_IsReadAgain()
    {
        const string Text = "tcp/[fd77::1]:40000<->[fd77::2]:6379";
        Assert.IsTrue(Connection.TryParse(Text, out var connection));
        Assert.AreEqual(Text, connection.ToString());
    }
}

using Twins.Diversion.Linux;
using Twins.Packets;

namespace Twins.Diversion.Tests;

[TestClass]
public sealed class RuleMessagesTests
{
    private static readonly Endpoint Home = Endpoint.Parse("10.77.0.2:80");
    private static readonly Endpoint Peer = Endpoint.Parse("10.77.0.1:40000");

    [TestMethod]
    public void Elements_AreWritten()
    {
        var batch = ElementMessages.Write(new TargetChanges(
            [new(DivertTarget.Connection(IpProtocol.Tcp, Endpoint.Parse("[fd77::2]:80"), Endpoint.Parse("[fd77::1]:40000")), 7)],
            [
                new(DivertTarget.Connection(IpProtocol.Tcp, Home, Peer), 7),
                new(DivertTarget.Connection(IpProtocol.Udp, Home, Peer), 8),
                new(DivertTarget.Lingering(IpProtocol.Tcp, Home, Peer), 0),
                new(DivertTarget.Listener(IpProtocol.Tcp, Home), 9),
            ]));
        Assert.AreEqual(
            "140000001000010001000000000000000000000A" // the batch begins
            + "700000000E0A01000200000000000000010000000A0001007477696E7300000011000200636F6E6E656374696F6E7336000000" // delete from twins, connections6
            + "003C00038038000180340001803000010006000000FD7700000000000000000000000000019C400000FD77000000000000000000000000000200500000"
            + "900000000C0A01040300000000000000010000000A0001007477696E7300000011000200636F6E6E656374696F6E7334000000" // add to connections4
            + "005C0003802C0001801C00018018000100060000000A4D00019C4000000A4D0002005000000C00028008000100070057742C0001801C0001801800"
            + "0100110000000A4D00019C4000000A4D0002005000000C0002800800010008005774"
            + "540000000C0A01040400000000000000010000000A0001007477696E730000000F0002006C696E676572696E6734000024000380200001801C0001" // lingering4
            + "8018000100060000000A4D00019C4000000A4D000200500000"
            + "580000000C0A01040500000000000000010000000A0001007477696E730000000F0002006C697374656E6572733400" // listeners4
            + "0028000380240001801400018010000100060000000A4D0002005000000C0002800800010009005774",
            Convert.ToHexString(batch.Messages.Written));
    }

    [TestMethod]
    public void Elements_ThatExceedOneAttribute_AreWrittenAsSeveralMessages()
    {
        var batch = ElementMessages.Write(new TargetChanges(
            [],
            [.. Enumerable.Range(1, 3000).Select(port => KeyValuePair.Create(DivertTarget.Connection(IpProtocol.Tcp, Home, Peer with { Port = (ushort)port }), (ushort)7))]));
        var lengths = "";
        var datagram = batch.Messages.Written;
        while (NetlinkMessage.TryTake(ref datagram, out var message))
            lengths += $" {message.Content.Length}";
        Assert.AreEqual(0, datagram.Length);
        Assert.AreEqual(" 4 65512 65512 1096", lengths);
    }

    [TestMethod]
    public void Acknowledgement_IsAskedOfTheLastMessage()
    {
        var writer = new NetlinkWriter();
        writer.Begin(0x10, 0, 1);
        writer.Begin(0x12, 0x400, 2);
        writer.RequestAcknowledgement();
        Assert.AreEqual("10000000100001000100000000000000" + "10000000120005040200000000000000", Convert.ToHexString(writer.Written));
    }
}

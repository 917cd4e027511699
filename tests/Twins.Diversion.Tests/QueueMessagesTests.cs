using Twins.Diversion.Linux;

namespace Twins.Diversion.Tests;

[TestClass]
public sealed class QueueMessagesTests
{
    [TestMethod]
    public void Verdict_IsWrittenWithMarkTakenOff()
    {
        var writer = new NetlinkWriter();
        QueueMessages.WriteVerdict(writer, 7, QueueMessages.Accept, 0x01020304);
        Assert.AreEqual(
            "2800000001030100000000000000000000000007" + "0C00020000000001" + "01020304" + "0800030000000000",
            Convert.ToHexString(writer.Written));
    }

    [TestMethod]
    public void BatchVerdict_IsWritten()
    {
        var writer = new NetlinkWriter();
        QueueMessages.WriteBatchVerdict(writer, 0x1234, QueueMessages.Drop, 9);
        Assert.AreEqual("2000000003030100000000000000000000001234" + "0C0002000000000000000009", Convert.ToHexString(writer.Written));
    }

    [TestMethod]
    public void Parameters_AreWritten()
    {
        var writer = new NetlinkWriter();
        QueueMessages.WriteParameters(writer, 7, 2, 0x20000, 0, 5);
        Assert.AreEqual(
            "3800000002030500020000000000000000000007" // to be acknowledged, number 2
            + "090002000000000002000000" // whole packets, padded
            + "0800030000020000" + "0800050000000000" + "0800040000000005", // 131,072 of them, flags, mask
            Convert.ToHexString(writer.Written));
    }

    [TestMethod]
    public void PacketMessage_IsRead()
    {
        var message = Convert.FromHexString(
            "4400000000030000000000000000000002000007" // nlmsghdr of 68 octets, nfgenmsg
            + "0B0001000000002A08000000" // id 42, IPv4, PREROUTING, padded
            + "0800030074570007" // mark
            + "08000E0000000003" // checksum not ready, superpacket
            + "08000D00000005DC" // 1500 octets before truncation
            + "0A000A00450000000000" + "0000"); // payload of 6
        Assert.IsTrue(QueueMessages.TryReadPacket(message, out var packet));
        Assert.AreEqual(42u, packet.Id);
        Assert.AreEqual(0x74570007u, packet.Mark);
        Assert.AreEqual(3u, packet.BufferFlags);
        Assert.AreEqual(1500u, packet.WholeLength);
        Assert.AreEqual(60, packet.PayloadOffset);
        Assert.AreEqual(6, packet.PayloadLength);
    }

    [TestMethod]
    public void AnyOctets_AreReadOrRefusedWithoutFault()
    {
        var random = new Random(20260923);
        var template = Convert.FromHexString("2C00000000030000000000000000000002000007" + "0B0001000000002A08000000" + "0A000A00450000000000" + "0000");
        for (var i = 0; i < 200_000; i++)
        {
            var message = template[..random.Next(template.Length + 1)];
            for (var changes = random.Next(4); changes > 0 && message.Length > 0; changes--)
                message[random.Next(message.Length)] = (byte)random.Next(256);
            if (QueueMessages.TryReadPacket(message, out var packet))
                Assert.IsLessThanOrEqualTo(message.Length, packet.PayloadOffset + packet.PayloadLength);
            ReadOnlySpan<byte> datagram = message;
            if (NetlinkMessage.TryTake(ref datagram, out var any))
                any.TryReadError(out _);
        }
    }
}

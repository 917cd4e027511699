using Twins.Diversion.Linux;

namespace Twins.Diversion.Tests;

[TestClass]
public sealed class QueueMessagesTests
{
    [TestMethod]
    public void Verdict_IsWrittenWithMarkTakenOff()
    {
        var buffer = new byte[64];
        buffer.AsSpan().Fill(0xEE);
        var length = QueueMessages.WriteVerdict(buffer, 7, QueueMessages.Accept, 0x01020304);
        Assert.AreEqual(
            "2800000001030100000000000000000000000007" + "0C00020000000001" + "01020304" + "0800030000000000",
            Convert.ToHexString(buffer.AsSpan(0, length)));
    }

    [TestMethod]
    public void BatchVerdict_IsWritten()
    {
        var buffer = new byte[64];
        buffer.AsSpan().Fill(0xEE);
        var length = QueueMessages.WriteBatchVerdict(buffer, 0x1234, QueueMessages.Drop, 9);
        Assert.AreEqual("2000000003030100000000000000000000001234" + "0C0002000000000000000009", Convert.ToHexString(buffer.AsSpan(0, length)));
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
            QueueMessages.TryReadError(message, out _, out _);
        }
    }
}

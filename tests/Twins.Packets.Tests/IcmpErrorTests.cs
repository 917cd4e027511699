namespace Twins.Packets.Tests;

[TestClass]
public sealed class IcmpErrorTests
{
    [TestMethod]
    public void FragmentationNeeded_QuotesThePacketAndTellsItsSenderTheMtu()
    {
        var error = new byte[IcmpError.MaximumLength];
        error.AsSpan().Fill(0xEE);
        var length = IcmpError.WriteFragmentationNeeded(error, Captured.Bytes(Captured.Data4), 1400);
        Check.SameBytes(Captured.Bytes("""
            4500 0055 0000 0000 4001 f6a5 c000 0201 c000 0201 0304 7bb3 0000 0578 4500 0039
            10b6 4000 4006 a605 c000 0201 c000 0202 a742 1f90 b993 1f73 903c e157 8018 003f
            1e7c 0000 0101 080a 3e2b b871 fdfa 8a19 6865 6c6c 6f
            """), error.AsSpan(0, length));
        Assert.IsTrue(Check.Parsed(error.AsSpan(0, length)).TryGetQuoted(out _, out _));
    }

    [TestMethod]
    public void FragmentationNeeded_LargePacket_IsQuotedUpTo576Octets()
    {
        var packet = PacketBuilder.Tcp("10.77.0.2:61001", "10.77.0.3:61002").Payload(new string('x', 1460)).Build();
        var error = new byte[IcmpError.MaximumLength];
        Assert.AreEqual(576, IcmpError.WriteFragmentationNeeded(error, packet, 1400));
        Check.SameBytes(packet.AsSpan(0, 548), error.AsSpan(28));
        Assert.IsTrue(Check.Parsed(error).HasRightChecksums());
    }
}

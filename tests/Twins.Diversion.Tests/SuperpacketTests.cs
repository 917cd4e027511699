using System.Runtime.InteropServices;
using Twins.Diversion.Linux;
using Twins.Packets;

namespace Twins.Diversion.Tests;

[TestClass]
public sealed unsafe class SuperpacketTests : IDisposable
{
    private readonly Segments _segments = new();
    private readonly Superpacket _packet = new();

    public void Dispose()
    {
        _packet.Dispose();
        _segments.Dispose();
    }

    [TestMethod]
    public void ConsecutiveSegments_AreJoined_AndCuttingMakesThemAgain()
    {
        for (var i = 0; i < 5; i++)
            Put(i, i == 4 ? 300 : 1000, i == 4 ? (byte)0x18 : (byte)0x10);
        Assert.IsTrue(_packet.TryStart(_segments[0]));
        for (var i = 1; i < 5; i++)
            Assert.IsTrue(_packet.TryAppend(_segments[i]), $"segment {i}");
        Assert.AreEqual(5, _packet.Count);
        Assert.AreEqual(1000, _packet.SegmentPayloadBytes);
        Assert.AreEqual(40 + 4300, _packet.Length);
        AssertCutsIntoItsSegments(5);
    }

    [TestMethod]
    public void LastSegment_ClosesIt()
    {
        Put(0, 1000, 0x10);
        Put(1, 1000, 0x18);
        Put(2, 1000, 0x10);
        Assert.IsTrue(_packet.TryStart(_segments[0]));
        Assert.IsTrue(_packet.TryAppend(_segments[1]));
        Assert.IsFalse(_packet.TryAppend(_segments[2]));
        AssertCutsIntoItsSegments(2);
    }

    [TestMethod]
    [DataRow("other address", 12, (byte)10)]
    [DataRow("other port", 21, (byte)1)]
    [DataRow("other sequence number", 27, (byte)1)]
    [DataRow("other acknowledgment", 31, (byte)1)]
    [DataRow("other window", 35, (byte)1)]
    [DataRow("other identification", 5, (byte)1)]
    [DataRow("other time to live", 8, (byte)1)]
    [DataRow("congestion experienced", 1, (byte)3)]
    [DataRow("may be fragmented", 6, (byte)0x40)]
    [DataRow("SYN", 33, (byte)2)]
    [DataRow("RST", 33, (byte)4)]
    [DataRow("ECE", 33, (byte)0x40)]
    [DataRow("urgent pointer", 39, (byte)1)]
    public void SegmentThatDiffers_IsNotJoined(string what, int at, byte change)
    {
        Put(0, 1000, 0x10);
        Put(1, 1000, 0x10);
        _segments[1].Bytes[at] ^= change;
        _segments.FinishChecksums(1);
        Assert.IsTrue(_packet.TryStart(_segments[0]));
        Assert.IsFalse(_packet.TryAppend(_segments[1]), what);
        Assert.AreEqual(1, _packet.Count);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    public void DamagedSegment_IsNotJoined(int damaged)
    {
        Put(0, 1000, 0x10);
        Put(1, 1000, 0x10);
        _segments[damaged].Bytes[100] ^= 1;
        Assert.IsTrue(_packet.TryStart(_segments[0]));
        Assert.IsFalse(_packet.TryAppend(_segments[1]));
    }

    [TestMethod]
    public void LongerSegment_IsNotJoined()
    {
        Put(0, 500, 0x10);
        Put(1, 1000, 0x10, 500);
        Assert.IsTrue(_packet.TryStart(_segments[0]));
        Assert.IsFalse(_packet.TryAppend(_segments[1]));
    }

    [TestMethod]
    [DataRow((byte)0x12)]
    [DataRow((byte)0x14)]
    [DataRow((byte)0x18)]
    [DataRow((byte)0x11)]
    public void SegmentThatNothingFollows_IsNoStart(byte flags)
    {
        Put(0, 1000, flags);
        Assert.IsFalse(_packet.TryStart(_segments[0]));
        Assert.AreEqual(0, _packet.Count);
    }

    [TestMethod]
    public void Length_StaysBelowWhatANetlinkAttributeCarries()
    {
        var joined = 1;
        for (var i = 0; i < 50; i++)
            Put(i, 1448, 0x10, 1448);
        Assert.IsTrue(_packet.TryStart(_segments[0]));
        while (_packet.TryAppend(_segments[joined]))
            joined++;
        Assert.AreEqual(44, joined);
        Assert.AreEqual(40 + (44 * 1448), _packet.Length);
    }

    private void Put(int index, int payload, byte flags, int spacing = 1000) => _segments.Put(index, spacing, payload, flags);

    private void AssertCutsIntoItsSegments(int count)
    {
        var vectors = _packet.Finish(out var pieces);
        var whole = new List<byte>();
        for (var i = 1; i < pieces; i++)
            whole.AddRange(new Span<byte>(vectors[i].Base, (int)vectors[i].Length));
        Assert.IsTrue(PacketView.TryParse(CollectionsMarshal.AsSpan(whole), out var view, out _));
        Assert.IsTrue(TcpSegmenter.TryCreate(view, _packet.SegmentPayloadBytes, out var segmenter));
        var buffer = new byte[2000];
        for (var i = 0; i < count; i++)
        {
            Assert.IsTrue(segmenter.TryNext(buffer, out var length));
            Assert.AreEqual(Convert.ToHexString(_segments[i].Bytes), Convert.ToHexString(buffer.AsSpan(0, length)), $"segment {i}");
        }

        Assert.IsFalse(segmenter.TryNext(buffer, out _));
    }
}

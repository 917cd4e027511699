using CsCheck;

namespace Twins.Packets.Tests;

[TestClass]
public sealed class SequenceNumberTests
{
    [TestMethod]
    [DataRow(0u, 1u, true)]
    [DataRow(1u, 0u, false)]
    [DataRow(7u, 7u, false)]
    [DataRow(0xFFFFFFFFu, 0u, true)]
    [DataRow(0u, 0xFFFFFFFFu, false)]
    [DataRow(0xFFFFFF00u, 0x100u, true)]
    [DataRow(0u, 0x7FFFFFFFu, true)]
    [DataRow(0x80000001u, 0u, true)]
    public void Numbers_Compared_WrapAround(uint left, uint right, bool before)
    {
        Assert.AreEqual(before, new SequenceNumber(left) < new SequenceNumber(right));
        Assert.AreEqual(before, new SequenceNumber(right) > new SequenceNumber(left));
        Assert.AreEqual(before || left == right, new SequenceNumber(left) <= new SequenceNumber(right));
    }

    [TestMethod]
    public void AnyNumber_MovedOn_IsAheadByThat() =>
        Gen.Select(Gen.UInt, Gen.Int[0, int.MaxValue]).Sample((value, count) =>
        {
            var number = new SequenceNumber(value);
            var later = number + count;
            return later - number == count && number - later == -count && later >= number && (count == 0 || later > number)
                && later.IsWithin(number, (uint)count + 1) && !later.IsWithin(number, (uint)count);
        });
}

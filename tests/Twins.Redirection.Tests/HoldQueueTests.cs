using System.Text;
using CsCheck;
using Twins.Packets;
using Twins.Packets.Tests;
using static Twins.Redirection.Tests.Names;

namespace Twins.Redirection.Tests;

[TestClass]
public sealed class HoldQueueTests
{
    private static readonly FiveTuple One = Tcp(Peer, Home);
    private static readonly FiveTuple Two = Tcp(OtherPeer, Home);

    [TestMethod]
    public void ProcessReleased_ItsPackets_ComeInOrderOfArrivalAndOthersStay()
    {
        var queue = new HoldQueue();
        Add(queue, 1, One, "a");
        Add(queue, 2, Tcp(Peer, HomeLeg), "other");
        Add(queue, 1, Two, "b");
        Add(queue, 1, One, "c");
        Assert.AreEqual(3, queue.HeldPacketsOf(1));
        Assert.AreEqual(3, queue.HeldBytesOf(1));
        Assert.AreEqual("abc", TakeAll(queue, 1));
        Assert.AreEqual(0, queue.HeldPacketsOf(1));
        Assert.AreEqual(1, queue.HeldPackets);
        Assert.AreEqual(5, queue.HeldBytes);
        Assert.AreEqual("other", TakeAll(queue, 2));
        Assert.IsFalse(queue.TryTake(1, out _));
    }

    [TestMethod]
    public void FlowReleased_ItsPackets_LeaveTheProcessInOrder()
    {
        var queue = new HoldQueue();
        foreach (var letter in "abcdef")
            Add(queue, 1, letter % 2 == 0 ? One : Two, letter.ToString());
        Assert.AreEqual(3, queue.HeldPacketsOf(One));
        var taken = new StringBuilder();
        while (queue.TryTake(One, out var packet))
            taken.Append(Encoding.ASCII.GetString(packet.Bytes));
        Assert.AreEqual("bdf", taken.ToString());
        Assert.AreEqual("ace", TakeAll(queue, 1));
    }

    [TestMethod]
    public void Packet_Taken_HasWhatWasGivenWithIt()
    {
        var queue = new HoldQueue();
        Assert.IsTrue(queue.TryAdd(7, One, 0xFEDCBA9876543210, "abc"u8));
        Assert.IsTrue(queue.TryTake(7, out var packet));
        Assert.AreEqual(7, packet.Process);
        Assert.AreEqual(One, packet.Tuple);
        Assert.AreEqual(0xFEDCBA9876543210, packet.Token);
        Assert.AreEqual("abc", Encoding.ASCII.GetString(packet.Bytes));
    }

    [TestMethod]
    public void LimitReached_NewestPacket_IsRefusedAndTheOldStay()
    {
        var queue = new HoldQueue(limitBytes: 3 * (1000 + HoldQueue.OverheadBytes));
        for (var i = 0; i < 3; i++)
            Assert.IsTrue(queue.TryAdd(1, One, (ulong)i, new byte[1000]));
        Assert.IsFalse(queue.TryAdd(1, One, 3, new byte[1]));
        Assert.IsTrue(queue.TryTake(1, out var packet));
        Assert.AreEqual(0ul, packet.Token);
        Assert.IsTrue(queue.TryAdd(1, One, 4, new byte[1000]));
        Assert.AreEqual(3000, queue.HeldBytes);
        Assert.IsFalse(new HoldQueue(limitBytes: 0).TryAdd(1, One, 0, []));
    }

    [TestMethod]
    public void NoRoom_TheProcessThatHoldsMost_LosesItsNewestPackets_UntilBothHoldAsMuch()
    {
        var queue = new HoldQueue(limitBytes: 10 * (100 + HoldQueue.OverheadBytes));
        for (var i = 0; i < 10; i++)
            Assert.IsTrue(queue.TryAdd(1, One, (ulong)i, new byte[100]));
        Assert.IsFalse(queue.TryMakeRoom(1, 100, out _), "it holds most itself");
        var made = 0;
        for (; queue.TryMakeRoom(2, 100, out var dropped); made++)
        {
            Assert.AreEqual(1, dropped);
            Assert.IsTrue(queue.TryAdd(2, Two, 0, new byte[100]));
        }

        Assert.AreEqual(5, made);
        Assert.AreEqual(10 * 228, queue.ChargedBytes);
        Assert.IsFalse(queue.TryMakeRoom(1, 100, out _), "neither takes from the other");
        for (var i = 0; i < 5; i++)
        {
            Assert.IsTrue(queue.TryTake(1, out var packet));
            Assert.AreEqual((ulong)i, packet.Token);
        }

        Assert.IsFalse(queue.TryTake(1, out _));
    }

    [TestMethod]
    public void NoRoomForALargePacket_AsManySmallOnesMakeWayAsItNeeds()
    {
        var queue = new HoldQueue(limitBytes: 100 * 228);
        for (var i = 0; i < 50; i++)
        {
            Assert.IsTrue(queue.TryAdd(1, One, 0, new byte[100]));
            Assert.IsTrue(queue.TryAdd(2, Two, 0, new byte[100]));
        }

        var dropped = new int[3];
        while (!queue.TryAdd(3, Tcp(Peer, HomeLeg), 0, new byte[5000]))
        {
            Assert.IsTrue(queue.TryMakeRoom(3, 5000, out var from));
            dropped[from]++;
        }

        Assert.AreEqual("0 12 11", string.Join(' ', dropped));
        Assert.AreEqual(5000, queue.HeldBytesOf(3));
        Assert.IsLessThanOrEqualTo(100 * 228, queue.ChargedBytes);
    }

    [TestMethod]
    public void DefaultLimit_FilledWithFullSegments_HoldsSixteenMebibytesWithOverhead()
    {
        var queue = new HoldQueue();
        var packet = new byte[1500];
        while (queue.TryAdd(1, One, 0, packet))
        {
        }

        Assert.AreEqual(16 * 1024 * 1024 / 1628, queue.HeldPackets);
    }

    [TestMethod]
    public void AnyUse_Replayed_MatchesAList() =>
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, 3], Gen.Int[0, 5], Gen.Int[0, 70_000]).Array[0, 300].Sample(steps =>
        {
            const long limit = 2 << 20;
            var queue = new HoldQueue(limit);
            var model = new List<(int Process, FiveTuple Tuple, ulong Token, int Length)>();
            var token = 0ul;
            foreach (var (step, process, flow, length) in steps)
            {
                var tuple = Tcp($"192.0.2.{process}:{flow}", Home);
                if (step <= 3)
                {
                    var octets = new byte[length % 65_536];
                    octets.AsSpan().Fill((byte)token);
                    if (queue.TryAdd(process, tuple, token, octets))
                        model.Add((process, tuple, token, octets.Length));
                    else
                        Assert.IsGreaterThan(limit - 65_536 - 128, model.Sum(held => held.Length + 128L));
                    token++;
                    continue;
                }

                var expected = model.FindIndex(held => step == 4 ? held.Process == process : held.Tuple == tuple);
                var taken = step == 4 ? queue.TryTake(process, out var packet) : queue.TryTake(tuple, out packet);
                Assert.AreEqual(expected >= 0, taken);
                if (!taken)
                    continue;
                Assert.AreEqual(model[expected].Token, packet.Token);
                Assert.AreEqual(model[expected].Length, packet.Bytes.Length);
                Assert.AreEqual(-1, packet.Bytes.IndexOfAnyExcept((byte)packet.Token));
                model.RemoveAt(expected);
            }

            Assert.AreEqual(model.Count, queue.HeldPackets);
            Assert.AreEqual(model.Sum(held => (long)held.Length), queue.HeldBytes);
            for (var process = 0; process <= 3; process++)
                Assert.AreEqual(model.Count(held => held.Process == process), queue.HeldPacketsOf(process));
        }, iter: 100);

    [TestMethod]
    public void HoldAndRelease_OnceWarm_AllocatesNothing()
    {
        var queue = new HoldQueue();
        var packet = new byte[1500];
        Assert.AreEqual(0, Allocations.Of(() =>
        {
            for (var i = 0; i < 300; i++)
                Assert.IsTrue(queue.TryAdd(1, One, 0, packet));
            while (queue.TryTake(1, out _))
            {
            }
        }));
    }

    private static void Add(HoldQueue queue, int process, FiveTuple tuple, string octets) =>
        Assert.IsTrue(queue.TryAdd(process, tuple, 0, Encoding.ASCII.GetBytes(octets)));

    private static string TakeAll(HoldQueue queue, int process)
    {
        var taken = new StringBuilder();
        while (queue.TryTake(process, out var packet))
            taken.Append(Encoding.ASCII.GetString(packet.Bytes));
        return taken.ToString();
    }
}

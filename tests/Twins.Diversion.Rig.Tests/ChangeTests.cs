using System.Buffers.Binary;
using Twins.Diversion.Windows;
using Twins.Packets;

namespace Twins.Diversion.Rig.Tests;

[TestClass]
public sealed class ChangeTests
{
    private static readonly DivertTarget Echo = DivertTarget.LegSource(IpProtocol.Tcp, Far.Echo);

    [TestMethod]
    public void TargetsThatChange_WhileAStreamPasses_LoseNothingAndReorderNothing()
    {
        using var sender = WinDivertSender.Open();
        var captured = 0;
        var reordered = 0;
        // Linux numbers the packets of a connection, repeated ones too.
        var last = new Dictionary<Endpoint, ushort>();
        var gate = new Lock();
        using var capture = new WinDivertCapture(sender, (batch, count) =>
        {
            lock (gate)
            {
                for (var i = 0; i < count; i++)
                {
                    if (PacketView.TryParse(batch[i].Bytes, out var packet, out _) && packet.IsTcp && packet.Tuple.Source == Far.Echo && packet.Tcp.Payload.Length > 0)
                    {
                        captured++;
                        var number = BinaryPrimitives.ReadUInt16BigEndian(packet.Bytes[4..]);
                        if (last.TryGetValue(packet.Tuple.Destination, out var before) && (short)(number - before) <= 0)
                            reordered++;
                        last[packet.Tuple.Destination] = number;
                    }

                    batch.Accept(i);
                }

                batch.Complete();
            }
        });
        capture.Change([Echo]);
        using var stop = new CancellationTokenSource();
        var changes = 0;
        var changing = Task.Run(() =>
        {
            // From one handle to several and back.
            var many = Enumerable.Range(0, 200).Select(i => DivertTarget.LegSource(IpProtocol.Tcp, Far.Echo with { Port = (ushort)(20_000 + i) })).Prepend(Echo).ToArray();
            for (; !stop.IsCancellationRequested; changes++)
                capture.Change(changes % 2 == 0 ? many : [Echo]);
        });
        for (var i = 0; i < 4; i++)
            Far.AssertEchoes(1 << 20);
        stop.Cancel();
        changing.Wait();
        Assert.IsGreaterThan(4, changes);
        Assert.IsGreaterThan(400, captured);
        Assert.AreEqual(0, reordered);
        Assert.AreEqual(0, sender.Counters.Refused);
    }

    [TestMethod]
    public void TargetsThatChange_WhilePacketsWait_AreWorkedOffInOrder()
    {
        var listener = DivertTarget.Listener(IpProtocol.Udp, Endpoint.Parse("10.211.0.1:7000"));
        using var sender = WinDivertSender.Open();
        var numbers = new List<uint>();
        var gate = new Lock();
        using var capture = new WinDivertCapture(sender, (batch, count) =>
        {
            lock (gate)
            {
                for (var i = 0; i < count; i++)
                {
                    if (PacketView.TryParse(batch[i].Bytes, out var packet, out _) && packet.IsUdp && packet.Tuple.Destination == listener.Local)
                        numbers.Add(BinaryPrimitives.ReadUInt32BigEndian(packet.Udp.Payload));
                    else
                        batch.Accept(i);
                }

                batch.Complete();
            }
        });
        capture.Change([listener]);
        Task changing;
        lock (gate)
        {
            // They wait in the handle that is there, and then in the one that takes its place.
            Far.Count("10.211.0.1", 7000, 0, 100);
            changing = Task.Run(() => capture.Change([listener, Echo]));
            for (var round = 1; round <= 10; round++)
                Far.Count("10.211.0.1", 7000, 100 * round, 100);
        }

        changing.Wait();
        var deadline = Environment.TickCount64 + 20_000;
        while (Environment.TickCount64 < deadline)
        {
            lock (gate)
            {
                if (numbers.Count == 1100)
                    break;
            }

            Thread.Yield();
        }

        capture.Dispose();
        CollectionAssert.AreEqual(Enumerable.Range(0, 1100).Select(i => (uint)i).ToArray(), numbers);
    }

    [TestMethod]
    public void NoTargets_NothingIsCaptured()
    {
        using var sender = WinDivertSender.Open();
        using var capture = new WinDivertCapture(sender, (batch, _) => batch.Complete());
        capture.Change([Echo]);
        capture.Change([]);
        Far.AssertEchoes(1000);
    }
}

using Twins.Diversion.Windows;
using Twins.Packets;

namespace Twins.Diversion.Rig.Tests;

[TestClass]
public sealed class CaptureTests
{
    private static readonly Endpoint Home = Endpoint.Parse("10.211.0.1:7000");
    private static readonly Endpoint Leg = Endpoint.Parse("10.211.0.1:61000");

    [TestMethod]
    public void AcceptedPackets_GoOn_AllInOrder()
    {
        var packets = 0;
        using var relay = new Relay([DivertTarget.LegSource(IpProtocol.Tcp, Far.Echo)], (in PacketView _) =>
        {
            packets++;
            return true;
        });
        Far.AssertEchoes(1 << 20);
        relay.AssertEndsWell();
        Assert.IsGreaterThan(100, packets);
    }

    [TestMethod]
    public void RedirectedConnection_IsServedByAnotherMachine()
    {
        // Home's half of a redirection; the other machine is peer and host in one.
        var peer = default(Endpoint);
        var targets = new[] { DivertTarget.Listener(IpProtocol.Tcp, Home), DivertTarget.LegSource(IpProtocol.Tcp, Far.Echo) };
        using var relay = new Relay(targets);
        relay.Decide = (in PacketView packet) =>
        {
            var tuple = packet.Tuple;
            if (tuple.Destination == Home)
            {
                peer = tuple.Source;
                relay.Send(packet, new FiveTuple(IpProtocol.Tcp, Leg, Far.Echo));
            }
            else if (tuple.Destination == Leg)
            {
                relay.Send(packet, new FiveTuple(IpProtocol.Tcp, Home, peer));
            }

            return false;
        };
        Assert.AreEqual("ok", Far.Talk("10.211.0.1", 7000, 1 << 20));
        relay.AssertEndsWell();
        Assert.AreEqual("ConnectionRefusedError", Far.Talk("10.211.0.1", 7000, 1));
    }

    [TestMethod]
    public void DroppedPackets_AreAnsweredByNobody()
    {
        using var relay = new Relay([DivertTarget.Listener(IpProtocol.Tcp, Home)], (in PacketView _) => false);
        Assert.AreEqual("TimeoutError", Far.Talk("10.211.0.1", 7000, 1));
        relay.AssertEndsWell();
    }

    [TestMethod]
    public void Protected_IsNeitherAnsweredNorReached_OthersAre()
    {
        using var protection = new WinDivertProtection();
        protection.Change([DivertTarget.Listener(IpProtocol.Tcp, Home)]);
        Assert.AreEqual("TimeoutError", Far.Talk("10.211.0.1", 7000, 1));
        Assert.AreEqual("ConnectionRefusedError", Far.Talk("10.211.0.1", 7005, 1));
        protection.Change([DivertTarget.Listener(IpProtocol.Tcp, Home with { Port = 7005 })]);
        Assert.AreEqual("ConnectionRefusedError", Far.Talk("10.211.0.1", 7000, 1));
        Assert.AreEqual("TimeoutError", Far.Talk("10.211.0.1", 7005, 1));
        protection.Change([]);
        Assert.AreEqual("ConnectionRefusedError", Far.Talk("10.211.0.1", 7005, 1));
    }

    [TestMethod]
    public void SilencedListener_DoesntAnswer_OthersDo()
    {
        using (Silence(HandlePriorities.Silence, TargetFilters.Silence([DivertTarget.Listener(IpProtocol.Tcp, Home)]).Single()))
        {
            Assert.AreEqual("TimeoutError", Far.Talk("10.211.0.1", 7000, 1));
            Assert.AreEqual("ConnectionRefusedError", Far.Talk("10.211.0.1", 7005, 1));
        }

        Assert.AreEqual("ConnectionRefusedError", Far.Talk("10.211.0.1", 7000, 1));
    }

    [TestMethod]
    public void Guard_DropsWhatNobodyCaptures_AndNothingThatIsSent()
    {
        var targets = new[] { DivertTarget.Listener(IpProtocol.Tcp, Home) };
        using var guard = Silence(HandlePriorities.Guard, TargetFilters.Guard(targets).Single());
        using (var relay = new Relay(targets, (in PacketView _) => true))
        {
            Assert.AreEqual("ConnectionRefusedError", Far.Talk("10.211.0.1", 7000, 1));
            relay.AssertEndsWell();
        }

        Assert.AreEqual("TimeoutError", Far.Talk("10.211.0.1", 7000, 1));
    }

    private static WinDivertDevice Silence(short priority, PacketFilter filter) => WinDivertDevice.Open(filter, priority, WinDivertFlags.Drop);
}

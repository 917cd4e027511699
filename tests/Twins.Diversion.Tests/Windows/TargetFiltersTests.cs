using Twins.Diversion.Windows;
using Twins.Packets;

namespace Twins.Diversion.Tests;

[TestClass]
public sealed class TargetFiltersTests
{
    private const string In = "inbound and not loopback and not impostor and ";
    private const string Out = "outbound and not loopback and not impostor and ";
    private const string Errors = "icmp.Type == 3 or icmp.Type == 11 or icmp.Type == 12 or icmpv6.Type < 128";

    private static readonly Endpoint Home = Endpoint.Parse("10.77.0.2:7000");
    private static readonly Endpoint Peer = Endpoint.Parse("10.77.0.1:4000");

    [TestMethod]
    public void NoTarget_NeedsNoHandle()
    {
        Assert.IsEmpty(TargetFilters.Capture([]));
        Assert.IsEmpty(TargetFilters.Silence([]));
        Assert.IsEmpty(TargetFilters.Capture([DivertTarget.Lingering(IpProtocol.Tcp, Home, Peer)]));
    }

    [TestMethod]
    public void EachKind_IsCapturedAndSilenced()
    {
        var rows = new (DivertTarget Target, string Capture, string? Silence)[]
        {
            (DivertTarget.Connection(IpProtocol.Tcp, Home, Peer),
                "tcp.DstPort == 7000 and ip.DstAddr == 10.77.0.2 and tcp.SrcPort == 4000 and ip.SrcAddr == 10.77.0.1",
                "tcp.SrcPort == 7000 and ip.SrcAddr == 10.77.0.2 and tcp.DstPort == 4000 and ip.DstAddr == 10.77.0.1"),
            (DivertTarget.Listener(IpProtocol.Udp, Home), "udp.DstPort == 7000 and ip.DstAddr == 10.77.0.2", "udp.SrcPort == 7000 and ip.SrcAddr == 10.77.0.2"),
            (DivertTarget.NewConnections(Home), "tcp.DstPort == 7000 and ip.DstAddr == 10.77.0.2 and tcp.Syn == 1 and tcp.Ack == 0", null),
            (DivertTarget.LegSource(IpProtocol.Tcp, Peer), "tcp.SrcPort == 4000 and ip.SrcAddr == 10.77.0.1", "tcp.DstPort == 4000 and ip.DstAddr == 10.77.0.1"),
            (DivertTarget.LegDestination(IpProtocol.Tcp, Home), "tcp.DstPort == 7000 and ip.DstAddr == 10.77.0.2", "tcp.SrcPort == 7000 and ip.SrcAddr == 10.77.0.2"),
            (DivertTarget.Listener(IpProtocol.Tcp, Endpoint.Parse("[fd77::2]:443")),
                "tcp.DstPort == 443 and ipv6.DstAddr == fd77:0:0:0:0:0:0:2", "tcp.SrcPort == 443 and ipv6.SrcAddr == fd77:0:0:0:0:0:0:2"),
        };
        foreach (var (target, capture, silence) in rows)
        {
            Assert.AreEqual($"{In}({capture} or {Errors})", TargetFilters.Capture([target]).Single().ToString());
            Assert.AreEqual(silence is null ? null : Out + silence, TargetFilters.Silence([target]).SingleOrDefault()?.ToString());
        }
    }

    [TestMethod]
    public void ConnectionOfAListener_NeedsNoTestOfItsOwn() => Assert.AreEqual(
        $"{In}(tcp.DstPort == 7000 and ip.DstAddr == 10.77.0.2 or {Errors})",
        TargetFilters.Capture([DivertTarget.Connection(IpProtocol.Tcp, Home, Peer), DivertTarget.Listener(IpProtocol.Tcp, Home)]).Single().ToString());

    [TestMethod]
    public void LingeringConnectionOfASilencedListener_MaySpeak_SpeakingEndToo()
    {
        Assert.AreEqual(
            $"{Out}tcp.SrcPort == 7000 and ip.SrcAddr == 10.77.0.2 and (tcp.DstPort != 4000 or ip.DstAddr != 10.77.0.1)",
            TargetFilters.Silence([DivertTarget.Listener(IpProtocol.Tcp, Home), DivertTarget.Lingering(IpProtocol.Tcp, Home, Peer)]).Single().ToString());
        Assert.IsEmpty(TargetFilters.Silence(
            [DivertTarget.Listener(IpProtocol.Tcp, Home), DivertTarget.Connection(IpProtocol.Tcp, Home, Peer), DivertTarget.Speaking(IpProtocol.Tcp, Home)]));
    }

    [TestMethod]
    public void Guest_IsCapturedAndGuardedAsItSends_AndNotSilenced()
    {
        var guest = DivertTarget.GuestSource(IpProtocol.Tcp, Home);
        var leg = DivertTarget.LegDestination(IpProtocol.Tcp, Peer);
        const string sends = $"{Out}tcp.SrcPort == 7000 and ip.SrcAddr == 10.77.0.2";
        CollectionAssert.AreEqual(
            new[] { $"{In}(tcp.DstPort == 4000 and ip.DstAddr == 10.77.0.1 or {Errors})", sends },
            TargetFilters.Capture([leg, guest]).Select(filter => filter.ToString()).ToArray());
        CollectionAssert.AreEqual(
            new[] { $"{In}tcp.DstPort == 4000 and ip.DstAddr == 10.77.0.1", sends },
            TargetFilters.Guard([guest, leg]).Select(filter => filter.ToString()).ToArray());
        Assert.AreEqual(sends, TargetFilters.Capture([guest]).Single().ToString());
        Assert.IsEmpty(TargetFilters.Silence([guest]));
    }

    [TestMethod]
    public void MoreGuestsThanFit_AreCapturedByTheirAddress_AndGuardedOneByOne()
    {
        var guests = Enumerable.Range(0, 1000).Select(i => DivertTarget.GuestSource(IpProtocol.Tcp, Home with { Port = (ushort)(10_000 + i) })).ToArray();
        Assert.AreEqual($"{Out}ip.SrcAddr == 10.77.0.2", TargetFilters.Capture(guests).Single().ToString());
        Assert.AreEqual(1000, TargetFilters.Guard(guests).Sum(filter => filter.ToString().Split("tcp.SrcPort").Length - 1));
    }

    // 252 tests are left beside the three that all have: 62 connections and the errors, 63 connections and so on.
    [TestMethod]
    [DataRow(62, 1)]
    [DataRow(63, 2)]
    [DataRow(251, 4)]
    public void ConnectionsOfManyEnds_AreSpreadOverHandles(int connections, int handles)
    {
        var filters = TargetFilters.Capture(Connections(connections, i => (ushort)(10_000 + i)));
        Assert.HasCount(handles, filters);
        Assert.IsTrue(filters.All(filter => filter.TestCount <= 255));
        Assert.AreEqual(connections, filters.Sum(filter => filter.ToString().Split("tcp.SrcPort").Length - 1));
    }

    [TestMethod]
    public void MoreConnectionsOfOneEnd_AreCapturedByTheirEnd() => Assert.AreEqual(
        $"{In}(tcp.DstPort == 7000 and ip.DstAddr == 10.77.0.2 or {Errors})",
        TargetFilters.Capture(Connections(252, _ => 7000)).Single().ToString());

    [TestMethod]
    public void MoreEndsThanFit_AreCapturedByTheirAddress() => Assert.AreEqual(
        $"{In}(ip.DstAddr == 10.77.0.2 or {Errors})",
        TargetFilters.Capture(Connections(1000, i => (ushort)(10_000 + i))).Single().ToString());

    [TestMethod]
    public void SilencedConnections_AreNamedOneByOne_HoweverMany()
    {
        var filters = TargetFilters.Silence(Connections(1000, i => (ushort)(10_000 + i)));
        Assert.HasCount(16, filters);
        Assert.IsTrue(filters.All(filter => filter.TestCount <= 255));
        Assert.AreEqual(1000, filters.Sum(filter => filter.ToString().Split("tcp.SrcPort").Length - 1));
    }

    [TestMethod]
    public void MoreExceptionsThanAFilterHolds_AreRefused()
    {
        var failure = Assert.ThrowsExactly<DiversionException>(() => TargetFilters.Silence(
            [DivertTarget.Listener(IpProtocol.Tcp, Home), .. Enumerable.Range(0, 126).Select(i => DivertTarget.Lingering(IpProtocol.Tcp, Home, Peer with { Port = (ushort)i }))]));
        Assert.Contains("254 tests", failure.Message);
    }

    [TestMethod]
    public void ProtocolWithoutPorts_IsRefused() =>
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => PacketFilter.Source(IpProtocol.Icmp, Home));

    private static IEnumerable<DivertTarget> Connections(int count, Func<int, ushort> port) =>
        Enumerable.Range(0, count).Select(i => DivertTarget.Connection(IpProtocol.Tcp, Home with { Port = port(i) }, Peer with { Port = (ushort)(20_000 + i) }));
}

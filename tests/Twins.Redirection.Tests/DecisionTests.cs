using Twins.Packets;
using Twins.Packets.Tests;
using static Twins.Redirection.Tests.Names;

namespace Twins.Redirection.Tests;

[TestClass]
public sealed class DecisionTests
{
    private static readonly Side Network = Side.Network;

    private static PacketBuilder Segment(string source, string destination, string flags = "PA") =>
        PacketBuilder.Tcp(source, destination).Flags(flags).Payload(flags.Contains('S', StringComparison.Ordinal) ? "" : "data");

    private static PacketBuilder Error(string source, string destination, PacketBuilder about) =>
        PacketBuilder.Icmp(source, destination, 3, 4, 1400, about.Build()[..28]);

    private static DecisionRow Row(string sentence, FlowTable table, Side arrival, PacketBuilder input) => new(sentence, table, arrival, input);

    private static void Run(params DecisionRow[] rows)
    {
        foreach (var row in rows)
            row.Run();
    }

    [TestMethod]
    public void NothingKnown_AnyPacketFromTheNetwork_Passes() => Run(
        Row("a segment", FlowTable.Empty, Network, Segment(Peer, Home)).Passes(),
        Row("a SYN", FlowTable.Empty, Network, Segment(Peer, Home, "S")).Passes(),
        Row("a datagram", FlowTable.Empty, Network, PacketBuilder.Udp(Peer, Home)).Passes(),
        Row("an ICMP error", FlowTable.Empty, Network, Error("192.0.2.1", "10.77.0.2", Segment(Home, Peer))).Passes(),
        Row("an echo request", FlowTable.Empty, Network, PacketBuilder.Icmp("192.0.2.1", "10.77.0.2", 8, 0, 1, [1])).Passes(),
        Row("another protocol", FlowTable.Empty, Network, PacketBuilder.Other(132, "192.0.2.1", "10.77.0.2")).Passes());

    [TestMethod]
    public void HomeHolding_PacketsOfTheProcess_AreHeld() => Run(
        Row("a segment of the flow", HomeHolding(), Network, Segment(Peer, Home)).IsHeld(),
        Row("a RST of the flow", HomeHolding(), Network, Segment(Peer, Home, "R")).IsHeld(),
        Row("a new SYN", HomeHolding(), Network, Segment(OtherPeer, Home, "S")).IsHeld(),
        Row("a segment of a flow that nobody has told of", HomeHolding(), Network, Segment(OtherPeer, Home)).IsHeld(),
        Row("another port", HomeHolding(), Network, Segment(Peer, "10.77.0.2:81")).Passes(),
        Row("another protocol on the same port", HomeHolding(), Network, PacketBuilder.Udp(Peer, Home)).Passes());

    [TestMethod]
    public void HomeHoldingNewOnly_OnlySyns_AreHeld()
    {
        var table = FlowTable.Empty.With(Listening(ListenerState.HoldNewOnly));
        Run(
            Row("a SYN", table, Network, Segment(OtherPeer, Home, "S")).IsHeld(),
            Row("a SYN with ECN bits", table, Network, Segment(OtherPeer, Home, "SEC")).IsHeld(),
            Row("the ACK that ends a handshake", table, Network, Segment(OtherPeer, Home, "A")).Passes(),
            Row("data", table, Network, Segment(OtherPeer, Home)).Passes(),
            Row("a SYN with ACK", table, Network, Segment(OtherPeer, Home, "SA")).Passes(),
            Row("a SYN with RST", table, Network, Segment(OtherPeer, Home, "SR")).Passes(),
            Row("a flow held by itself", HomeHolding(ListenerState.HoldNewOnly), Network, Segment(Peer, Home)).IsHeld());
    }

    [TestMethod]
    public void HomeWithLegs_WayBack_IsOpenWhileInboundIsHeld() => Run(
        Row("the restored socket's first segment", HomeWithLegs, Network, Segment(HostLeg, HomeLeg)).Leaves(Network, Segment(Home, Peer)),
        Row("inbound", HomeWithLegs, Network, Segment(Peer, Home)).IsHeld(),
        Row("the leg with a port that no flow has", HomeWithLegs, Network, Segment(HostLeg, "10.77.0.2:61009")).IsDropped(DropReason.UnknownLeg));

    [TestMethod]
    public void HomeRedirecting_EachPacket_TakesItsLeg() => Run(
        Row("inbound", HomeRedirecting, Network, Segment(Peer, Home)).Leaves(Network, Segment(HomeLeg, HostLeg)),
        Row("a FIN", HomeRedirecting, Network, Segment(Peer, Home, "FA")).Leaves(Network, Segment(HomeLeg, HostLeg, "FA")),
        Row("the answer", HomeRedirecting, Network, Segment(HostLeg, HomeLeg)).Leaves(Network, Segment(Home, Peer)),
        Row("a new client's SYN", HomeRedirecting, Network, Segment(OtherPeer, Home, "S")).IsAskedFor(),
        Row("a segment of no flow", HomeRedirecting, Network, Segment(OtherPeer, Home)).IsDropped(DropReason.UnknownFlow, Process),
        Row("a RST of no flow", HomeRedirecting, Network, Segment(OtherPeer, Home, "R")).IsDropped(DropReason.UnknownFlow, Process),
        Row("another program's packet", HomeRedirecting, Network, Segment(Peer, "10.77.0.2:22")).Passes(),
        Row("the flow's tuple out of a cabin", HomeRedirecting, InCabin, Segment(Peer, Home)).IsDropped(DropReason.WrongSide, Process));

    [TestMethod]
    public void FlowThatTheProcessLeftBehind_TakesItsLegUntilTheTupleIsUsedAnew()
    {
        var table = HomeRedirecting.With(Tcp(Peer, Home), Route.Forward(Tcp(HomeLeg, HostLeg), Network, Network, Process).WithLingering());
        Run(
            Row("the peer's last segments", table, Network, Segment(Peer, Home, "FA")).Leaves(Network, Segment(HomeLeg, HostLeg, "FA")),
            Row("a new connection of the same peer and port", table, Network, Segment(Peer, Home, "S")).IsDropped(DropReason.StillLingering, Process));
    }

    [TestMethod]
    public void ConnectionLeftToTheLocalStack_PassesUntilTheTupleIsUsedAnew()
    {
        var held = HomeHolding().With(Tcp(OtherPeer, Home), Route.Pass(Network, Process));
        var redirecting = HomeRedirecting.With(Tcp(OtherPeer, Home), Route.Pass(Network, Process));
        Run(
            Row("the peer's last segments", held, Network, Segment(OtherPeer, Home, "FA")).Passes(),
            Row("the same once the process has moved", redirecting, Network, Segment(OtherPeer, Home, "FA")).Passes(),
            Row("an error about what the local stack sent", redirecting, Network, Error("192.0.2.99", "10.77.0.2", Segment(Home, OtherPeer))).Passes(),
            Row("a new connection of the same peer and port, held", held, Network, Segment(OtherPeer, Home, "S")).IsHeld(),
            Row("a new connection of the same peer and port, redirected", redirecting, Network, Segment(OtherPeer, Home, "S")).IsAskedFor(),
            Row("another peer", held, Network, Segment(Peer, Home)).IsHeld());
    }

    [TestMethod]
    public void FlowAskedFor_SecondSyn_IsHeldAndNotAskedForAgain()
    {
        var table = HomeRedirecting.With(Tcp(OtherPeer, Home), Route.Hold(Network, Process));
        Run(Row("the SYN again", table, Network, Segment(OtherPeer, Home, "S")).IsHeld());
    }

    [TestMethod]
    public void HostPrepared_Inbound_IsDroppedAndOutboundLeaves() => Run(
        Row("inbound", HostPrepared, Network, Segment(HomeLeg, HostLeg)).IsDropped(DropReason.HostNotReady, Process),
        Row("outbound", HostPrepared, InCabin, Segment(Home, Peer)).Leaves(Network, Segment(HostLeg, HomeLeg)));

    [TestMethod]
    public void HostReady_EachPacket_TakesItsLeg() => Run(
        Row("inbound", HostReady, Network, Segment(HomeLeg, HostLeg)).Leaves(InCabin, Segment(Peer, Home)),
        Row("outbound", HostReady, InCabin, Segment(Home, Peer)).Leaves(Network, Segment(HostLeg, HomeLeg)),
        Row("the process connects", HostReady, InCabin, Segment("10.77.0.2:50000", OtherPeer, "S")).IsAskedFor(),
        Row("the process sends a datagram", HostReady, InCabin, PacketBuilder.Udp("10.77.0.2:50000", OtherPeer)).IsAskedFor(),
        Row("it connects from an address that is not its home", HostReady, InCabin, Segment("10.77.0.7:50000", OtherPeer, "S"))
            .IsDropped(DropReason.UnknownCabinFlow, Process),
        Row("it sends a segment of no flow", HostReady, InCabin, Segment("10.77.0.2:50000", OtherPeer)).IsDropped(DropReason.UnknownCabinFlow, Process),
        Row("it answers a RST of no flow", HostReady, InCabin, Segment("10.77.0.2:50000", OtherPeer, "R")).IsDropped(DropReason.UnknownCabinFlow, Process),
        Row("another cabin", HostReady, Side.Cabin(1), Segment("10.77.0.2:50000", OtherPeer, "S")).IsDropped(DropReason.UnknownCabinFlow),
        Row("another cabin with a known tuple", HostReady, Side.Cabin(1), Segment(Home, Peer)).IsDropped(DropReason.WrongSide, Process),
        Row("a segment to the leg of no flow", HostReady, Network, Segment("10.77.0.2:61005", HostLeg)).IsDropped(DropReason.UnknownLeg),
        Row("echo out of the cabin", HostReady, InCabin, PacketBuilder.Icmp("10.77.0.2", "192.0.2.1", 8, 0, 1, [1])).IsDropped(DropReason.NotCarried));

    [TestMethod]
    public void CabinThatMayNotOpen_Syn_IsDropped() => Run(
        Row("the process connects", HostReady.WithoutCabin(0), InCabin, Segment("10.77.0.2:50000", OtherPeer, "S")).IsDropped(DropReason.UnknownCabinFlow));

    [TestMethod]
    public void Fragments_OfWhatIsOurs_AreDropped() => Run(
        Row("a flow's first fragment", HomeRedirecting, Network, Segment(Peer, Home).Fragment(0, more: true)).IsDropped(DropReason.Fragment, Process),
        Row("a held flow's first fragment", HomeHolding(), Network, Segment(Peer, Home).Fragment(0, more: true)).IsDropped(DropReason.Fragment, Process),
        Row("a listener's first fragment", HomeRedirecting, Network, Segment(OtherPeer, Home, "S").Fragment(0, more: true)).IsDropped(DropReason.Fragment, Process),
        Row("a first fragment that the listener would let pass", HomeHolding(ListenerState.HoldNewOnly), Network, Segment(OtherPeer, Home).Fragment(0, more: true)).Passes(),
        Row("a later fragment", HomeRedirecting, Network, Segment(Peer, Home).Fragment(8, more: false)).Passes(),
        Row("another program's first fragment", HomeRedirecting, Network, Segment(Peer, "10.77.0.2:22").Fragment(0, more: true)).Passes(),
        Row("a later fragment out of the cabin", HostReady, InCabin, Segment(Home, Peer).Fragment(8, more: false)).IsDropped(DropReason.Fragment),
        Row("a first fragment out of the cabin", HostReady, InCabin, Segment("10.77.0.2:50000", OtherPeer, "S").Fragment(0, more: true)).IsDropped(DropReason.Fragment, Process));

    [TestMethod]
    public void IcmpErrors_AboutAFlow_AreTranslatedToTheNeighbouringLeg() => Run(
        Row("home: a router on the leg", HomeRedirecting, Network, Error("10.77.0.99", "10.77.0.2", Segment(HomeLeg, HostLeg)))
            .Leaves(Network, Error("10.77.0.2", "192.0.2.1", Segment(Peer, Home)), VerdictKind.RewriteQuoted),
        Row("home: a router before the peer", HomeRedirecting, Network, Error("192.0.2.99", "10.77.0.2", Segment(Home, Peer)))
            .Leaves(Network, Error("10.77.0.2", "10.77.0.3", Segment(HostLeg, HomeLeg)), VerdictKind.RewriteQuoted),
        Row("host: a router on the leg back", HostReady, Network, Error("10.77.0.99", "10.77.0.3", Segment(HostLeg, HomeLeg)))
            .Leaves(InCabin, Error("192.0.2.1", "10.77.0.2", Segment(Home, Peer)), VerdictKind.RewriteQuoted),
        Row("host: the cabin about what came in", HostReady, InCabin, Error("10.77.0.2", "192.0.2.1", Segment(Peer, Home)))
            .Leaves(Network, Error("10.77.0.3", "10.77.0.2", Segment(HomeLeg, HostLeg)), VerdictKind.RewriteQuoted),
        Row("about a flow that is held", HomeHolding(), Network, Error("192.0.2.99", "10.77.0.2", Segment(Home, Peer)))
            .IsDropped(DropReason.QuotedFlowNotForwarding, Process),
        Row("out of the cabin about nothing known", HostReady, InCabin, Error("10.77.0.2", "192.0.2.9", Segment(OtherPeer, Home))).IsDropped(DropReason.NotCarried));

    [TestMethod]
    public void Datagrams_ToARedirectedListener_AreAskedFor()
    {
        var table = FlowTable.Empty.With(Listening(ListenerState.RequestFlow, IpProtocol.Udp));
        Run(
            Row("a datagram", table, Network, PacketBuilder.Udp(Peer, Home)).IsAskedFor(),
            Row("one of a flow", table.With(Udp(Peer, Home), Route.Forward(Udp(HomeLeg, HostLeg), Network, Network, Process)), Network, PacketBuilder.Udp(Peer, Home).Payload("x"))
                .Leaves(Network, PacketBuilder.Udp(HomeLeg, HostLeg).Payload("x")),
            Row("while draining", FlowTable.Empty.With(Listening(ListenerState.HoldNewOnly, IpProtocol.Udp)), Network, PacketBuilder.Udp(Peer, Home)).Passes());
    }

    [TestMethod]
    public void OctetsThatAreNoPacket_Decided_AreDropped()
    {
        Assert.AreEqual(DropReason.Malformed, Decision.Decide(PacketFault.TotalLength).Reason);
        Assert.AreEqual(VerdictKind.Drop, Decision.Decide(PacketFault.TotalLength).Kind);
    }

    [TestMethod]
    public void DecisionAndRewrite_AThousandTimes_AllocateNothing()
    {
        var (table, bytes) = (HomeRedirecting, Segment(Peer, Home).Build());
        var copy = bytes.ToArray();
        Assert.AreEqual(0, Allocations.Of(() =>
        {
            for (var i = 0; i < 1000; i++)
            {
                bytes.CopyTo(copy, 0);
                if (PacketView.TryParse(copy, out var packet, out _))
                    Decision.Decide(packet, Network, table).Apply(packet, ChecksumState.Complete, i);
            }
        }));
        Assert.IsGreaterThanOrEqualTo(1000, table.FindRoute(Tcp(Peer, Home))!.Counters.Packets);
    }
}

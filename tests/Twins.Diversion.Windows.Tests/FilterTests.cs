using CsCheck;
using Twins.Packets;
using Twins.Packets.Tests;
using Check = Twins.Packets.Tests.Check;

namespace Twins.Diversion.Windows.Tests;

/// <summary>The real DLL understands the filters as they are meant.</summary>
[TestClass]
public sealed class FilterTests
{
    private static readonly string[] Addresses = ["10.77.0.1", "10.77.0.2", "10.77.0.3", "fd77::1", "fd77::2"];
    private static readonly ushort[] Ports = [0, 80, 7000, 61_000, 65_535];

    // Few ends, so that many packets hit a target.
    private static readonly Gen<Endpoint> End4 = Gen.Select(Gen.Int[0, 2], Gen.Int[0, 4], (address, port) => new Endpoint(InternetAddress.Parse(Addresses[address]), Ports[port]));
    private static readonly Gen<Endpoint> End6 = Gen.Select(Gen.Int[3, 4], Gen.Int[0, 4], (address, port) => new Endpoint(InternetAddress.Parse(Addresses[address]), Ports[port]));
    private static readonly Gen<(Endpoint, Endpoint)> Ends = Gen.OneOf(Gen.Select(End4, End4), Gen.Select(End6, End6));
    private static readonly Gen<IpProtocol> Protocol = Gen.Bool.Select(isTcp => isTcp ? IpProtocol.Tcp : IpProtocol.Udp);

    private static readonly Gen<DivertTarget> Target = Gen.Select(Gen.Enum<DivertKind>(), Protocol, Ends, (kind, protocol, ends) => kind switch
    {
        DivertKind.Connection => DivertTarget.Connection(protocol, ends.Item1, ends.Item2),
        DivertKind.Listener => DivertTarget.Listener(protocol, ends.Item1),
        DivertKind.NewConnections => DivertTarget.NewConnections(ends.Item1),
        DivertKind.LegSource => DivertTarget.LegSource(protocol, ends.Item1),
        DivertKind.LegDestination => DivertTarget.LegDestination(protocol, ends.Item1),
        DivertKind.Lingering => DivertTarget.Lingering(protocol, ends.Item1, ends.Item2),
        DivertKind.GuestSource => DivertTarget.GuestSource(protocol, ends.Item1),
        _ => DivertTarget.Speaking(protocol, ends.Item1),
    });

    private static readonly Gen<byte[]> SomePacket = Gen.Select(Protocol, Ends, Gen.Int[0, 4].Select(i => new[] { "S", "SA", "A", "R", "FA" }[i])).Select(row =>
    {
        var (protocol, ends, flags) = row;
        var (source, destination) = (ends.Item1.ToString(), ends.Item2.ToString());
        return protocol == IpProtocol.Tcp ? PacketBuilder.Tcp(source, destination).Flags(flags).Build() : PacketBuilder.Udp(source, destination).Payload("x").Build();
    });

    [TestMethod]
    public void EveryFilter_IsUnderstood() => Target.Array[1, 100].Sample(
        targets =>
        {
            foreach (var filter in (PacketFilter[])[.. TargetFilters.Capture(targets), .. TargetFilters.Guard(targets), .. TargetFilters.Silence(targets)])
            {
                Assert.AreEqual("", WinDivertFunctions.Compile(filter.ToString()), filter.ToString());
                Assert.IsLessThanOrEqualTo(PacketFilter.MaximumTests, filter.TestCount);
            }
        },
        iter: 200,
        threads: 1);

    [TestMethod]
    public void WhatIsDiverted_IsCaptured_WhateverTheTargets() => Gen.Select(Target.Array[1, 5], SomePacket).Sample(
        (targets, packet) =>
        {
            if (new TargetSet(targets).Diverts(Check.Parsed(packet)))
                Assert.IsTrue(TargetFilters.Capture(targets).Any(filter => WinDivertFunctions.Takes(filter, packet, isOutbound: false)), Text(targets, packet));
            Assert.AreEqual(IsGuests(targets, packet), TargetFilters.Capture(targets).Any(filter => WinDivertFunctions.Takes(filter, packet, isOutbound: true)), Text(targets, packet));
            Assert.AreEqual(IsGuests(targets, packet), TargetFilters.Guard(targets).Any(filter => WinDivertFunctions.Takes(filter, packet, isOutbound: true)), Text(targets, packet));
        },
        iter: 3000,
        threads: 1);

    [TestMethod]
    public void WhatIsDiverted_IsGuarded_AndNothingElse() => Gen.Select(Target.Array[1, 5], SomePacket).Sample(
        (targets, packet) =>
        {
            var parsed = Check.Parsed(packet);
            var guarded = TargetFilters.Guard(targets).Any(filter => WinDivertFunctions.Takes(filter, packet, isOutbound: false));
            if (!targets.Contains(DivertTarget.Lingering(parsed.Tuple.Protocol, parsed.Tuple.Destination, parsed.Tuple.Source)))
                Assert.AreEqual(new TargetSet(targets).Diverts(parsed), guarded, Text(targets, packet));
            else if (targets.All(target => target.Kind is DivertKind.Listener or DivertKind.Lingering))
                Assert.IsFalse(guarded, Text(targets, packet));
        },
        iter: 3000,
        threads: 1);

    [TestMethod]
    public void WhatLocalSocketsMayNotSend_IsSilenced_AndNothingElse() => Gen.Select(Target.Array[1, 5], SomePacket).Sample(
        (targets, packet) =>
        {
            var tuple = Check.Parsed(packet).Tuple;
            var expected = targets.Any(target => target.Protocol == tuple.Protocol && IsAnswer(target, tuple) && !IsAllowed(targets, target, tuple));
            var silenced = TargetFilters.Silence(targets).Any(filter => WinDivertFunctions.Takes(filter, packet, isOutbound: true));
            Assert.AreEqual(expected, silenced, Text(targets, packet));
        },
        iter: 3000,
        threads: 1);

    [TestMethod]
    [DataRow("icmp", 3, true)]
    [DataRow("icmp", 11, true)]
    [DataRow("icmp", 12, true)]
    [DataRow("icmp", 0, false)]
    [DataRow("icmp", 8, false)]
    [DataRow("icmpv6", 1, true)]
    [DataRow("icmpv6", 2, true)]
    [DataRow("icmpv6", 128, false)]
    [DataRow("icmpv6", 135, false)]
    public void IcmpErrors_AreCaptured_OtherMessagesNot(string protocol, int type, bool taken)
    {
        var (source, destination) = protocol == "icmp" ? ("10.77.0.1", "10.77.0.2") : ("fd77::1", "fd77::2");
        var packet = PacketBuilder.Icmp(source, destination, (byte)type, 0, 0, new byte[48]).Build();
        var filter = TargetFilters.Capture([DivertTarget.Listener(IpProtocol.Tcp, Endpoint.Parse("10.77.0.2:7000"))]).Single();
        Assert.AreEqual(taken, WinDivertFunctions.Takes(filter, packet, isOutbound: false));
    }

    [TestMethod]
    [DataRow(WinDivertEvent.SocketBind, IpProtocol.Tcp, false)]
    [DataRow(WinDivertEvent.SocketConnect, IpProtocol.Tcp, true)]
    [DataRow(WinDivertEvent.SocketListen, IpProtocol.Tcp, true)]
    [DataRow(WinDivertEvent.SocketAccept, IpProtocol.Tcp, true)]
    [DataRow(WinDivertEvent.SocketClose, IpProtocol.Tcp, false)]
    [DataRow(WinDivertEvent.SocketConnect, IpProtocol.Udp, false)]
    public void SocketEvents_OfConnectionsAndListeners_AreTold(object happened, object protocol, bool told)
    {
        var address = new WinDivertAddress { Layer = WinDivertLayer.Socket, Event = (WinDivertEvent)happened };
        address.Socket.Protocol = (IpProtocol)protocol;
        Assert.AreEqual(told, WinDivertFunctions.Takes(WinDivertSocketEvents.Filter, address));
    }

    // The trap that the builder keeps from: a constant out of range turns the test into another one.
    [TestMethod]
    public void PortOutOfRange_WinDivertTakesForNotTcp() => Assert.AreEqual("not tcp", WinDivertFunctions.Format("tcp.DstPort == 65536"));

    [TestMethod]
    public void Nonsense_IsRefusedWithThePlace() => Assert.AreEqual("Filter expression contains a bad token at 8: nonsense", WinDivertFunctions.Compile("inbound nonsense"));

    private static bool IsGuests(DivertTarget[] targets, byte[] packet)
    {
        var tuple = Check.Parsed(packet).Tuple;
        return targets.Contains(DivertTarget.GuestSource(tuple.Protocol, tuple.Source));
    }

    private static bool IsAnswer(DivertTarget target, FiveTuple tuple) => target.Kind switch
    {
        DivertKind.Connection => (target.Local, target.Peer) == (tuple.Source, tuple.Destination),
        DivertKind.Listener or DivertKind.LegDestination => target.Local == tuple.Source,
        DivertKind.LegSource => target.Local == tuple.Destination,
        _ => false,
    };

    private static bool IsAllowed(DivertTarget[] targets, DivertTarget silent, FiveTuple tuple) =>
        targets.Contains(DivertTarget.Speaking(silent.Protocol, silent.Local))
        || (silent.Kind is DivertKind.Listener or DivertKind.LegDestination && targets.Contains(DivertTarget.Lingering(tuple.Protocol, tuple.Source, tuple.Destination)));

    private static string Text(DivertTarget[] targets, byte[] packet) => $"{string.Join('\n', targets)}\n{Check.Parsed(packet).Tuple}";
}

using CsCheck;
using Twins.Packets;
using Twins.Packets.Tests;
using static Twins.Redirection.Tests.Names;

namespace Twins.Redirection.Tests;

[TestClass]
public sealed class FlowTableTests
{
    [TestMethod]
    public void AnyChanges_Applied_MatchADictionary() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 300], Gen.Int[0, 3]).Array[0, 400].Sample(steps =>
        {
            var table = FlowTable.Empty;
            var model = new Dictionary<FiveTuple, Route>();
            var snapshots = new List<(FlowTable Table, Dictionary<FiveTuple, Route> Model)>();
            foreach (var (step, number, process) in steps)
            {
                var tuple = Number(number);
                switch (step)
                {
                    case 0 or 1:
                        var route = Route.Hold(Side.Network, process);
                        table = table.With(tuple, route);
                        model[tuple] = route;
                        break;
                    case 2:
                        table = table.Without(tuple);
                        model.Remove(tuple);
                        break;
                    case 3 when number < 10:
                        table = table.WithoutProcess(process);
                        foreach (var gone in model.Where(pair => pair.Value.Process == process).Select(pair => pair.Key).ToList())
                            model.Remove(gone);
                        break;
                    default:
                        snapshots.Add((table, new(model)));
                        break;
                }
            }

            snapshots.Add((table, model));
            foreach (var (one, other) in snapshots)
                Same(one, other);
        }, iter: 50);

    [TestMethod]
    public void AHundredThousandFlows_Built_AreAllFoundAndNoOther()
    {
        var builder = FlowTable.Empty.ToBuilder();
        var routes = new Route[100_000];
        for (var i = 0; i < routes.Length; i++)
            builder.Set(Number(i), routes[i] = Route.Hold(Side.Network, i));
        var table = builder.Build();
        Assert.AreEqual(100_000, table.FlowCount);
        for (var i = 0; i < routes.Length; i++)
            Assert.AreSame(routes[i], table.FindRoute(Number(i)));
        for (var i = routes.Length; i < routes.Length + 1000; i++)
            Assert.IsNull(table.FindRoute(Number(i)));
        Assert.AreEqual(100_000, table.Flows().Select(flow => flow.Key).Distinct().Count());
    }

    [TestMethod]
    public void OneFlowMore_WithAHundredThousand_CopiesAFewKilobytes()
    {
        var builder = FlowTable.Empty.ToBuilder();
        for (var i = 0; i < 100_000; i++)
            builder.Set(Number(i), Route.Hold(Side.Network, i));
        var table = builder.Build();
        var route = Route.Hold(Side.Network, 1);
        var larger = table;
        var octets = Allocations.Of(() =>
        {
            larger = table;
            for (var i = 0; i < 100; i++)
                larger = larger.With(Number(200_000 + i), route);
        });
        Assert.IsLessThan(100 * 4096, octets);
        Assert.AreEqual(100_100, larger.FlowCount);
        Assert.AreEqual(100_000, table.FlowCount);
    }

    [TestMethod]
    public void Lookup_InALargeTable_AllocatesNothing()
    {
        var builder = FlowTable.Empty.ToBuilder();
        for (var i = 0; i < 10_000; i++)
            builder.Set(Number(i), Route.Hold(Side.Network, i));
        var table = builder.Build();
        Assert.AreEqual(0, Allocations.Of(() =>
        {
            for (var i = 0; i < 20_000; i++)
                _ = table.FindRoute(Number(i));
        }));
    }

    [TestMethod]
    public void Builder_UsedAfterBuild_LeavesTheBuiltTableAlone()
    {
        var builder = FlowTable.Empty.ToBuilder().Set(Tcp(Peer, Home), Route.Hold(Side.Network, 1));
        var first = builder.Build();
        var second = builder.Set(Tcp(OtherPeer, Home), Route.Hold(Side.Network, 2)).Set(Listening(ListenerState.Hold)).Remove(Tcp(Peer, Home)).Build();
        Assert.AreEqual(1, first.FlowCount);
        Assert.IsNotNull(first.FindRoute(Tcp(Peer, Home)));
        Assert.IsEmpty(first.Listeners);
        Assert.AreEqual(1, second.FlowCount);
        Assert.IsNull(second.FindRoute(Tcp(Peer, Home)));
        Assert.HasCount(1, second.Listeners);
    }

    [TestMethod]
    public void ListenersCabinsAndLegs_SetAndRemoved_AreFoundAndGone()
    {
        var host = Endpoint.Parse(HostLeg);
        var table = HostReady.With(Listening(ListenerState.RequestFlow));
        Assert.AreEqual(ListenerState.RequestFlow, table.FindListener(IpProtocol.Tcp, Endpoint.Parse(Home))!.State);
        Assert.AreEqual(ListenerState.Hold, table.With(Listening(ListenerState.Hold)).FindListener(IpProtocol.Tcp, Endpoint.Parse(Home))!.State);
        Assert.IsNull(table.FindListener(IpProtocol.Udp, Endpoint.Parse(Home)));
        Assert.IsNull(table.WithoutListener(IpProtocol.Tcp, Endpoint.Parse(Home)).FindListener(IpProtocol.Tcp, Endpoint.Parse(Home)));
        Assert.IsTrue(table.HasLeg(IpProtocol.Tcp, host));
        Assert.IsFalse(table.Without(new Leg(IpProtocol.Tcp, host)).HasLeg(IpProtocol.Tcp, host));
        Assert.IsNotNull(table.FindCabin(0));
        var forgotten = table.WithoutProcess(Process);
        Assert.AreEqual(0, forgotten.FlowCount);
        Assert.IsEmpty(forgotten.Listeners);
        Assert.IsEmpty(forgotten.Cabins);
        Assert.HasCount(1, forgotten.Legs);
    }

    [TestMethod]
    public void RouteToAnotherFamilyOrProtocol_Set_IsAnArgumentException()
    {
        var v6 = new FiveTuple(IpProtocol.Tcp, Endpoint.Parse("[fd77::1]:1"), Endpoint.Parse("[fd77::2]:2"));
        Assert.ThrowsExactly<ArgumentException>(() => FlowTable.Empty.With(Tcp(Peer, Home), Route.Forward(v6, Side.Network, Side.Network, 0)));
        Assert.ThrowsExactly<ArgumentException>(() => FlowTable.Empty.With(Tcp(Peer, Home), Route.Forward(Udp(HomeLeg, HostLeg), Side.Network, Side.Network, 0)));
    }

    [TestMethod]
    public void Route_SentThroughItsStates_KeepsTargetAndCounters()
    {
        var route = Route.Forward(Tcp(HomeLeg, HostLeg), Side.Network, Side.Network, Process);
        route.Counters.Count(100);
        var again = route.WithHold().WithDrop(DropReason.HostStopped).WithForward();
        Assert.AreEqual(RouteState.Forward, again.State);
        Assert.AreEqual(DropReason.None, again.Reason);
        Assert.AreEqual(Tcp(HomeLeg, HostLeg), again.Target);
        Assert.AreEqual(100, again.Counters.Bytes);
        Assert.ThrowsExactly<InvalidOperationException>(() => Route.Hold(Side.Network, 1).WithForward());
    }

    private static FiveTuple Number(int number) => new(
        IpProtocol.Tcp,
        new(InternetAddress.FromIPv4(0xC0000200u + (uint)number / 50_000), (ushort)(number % 50_000)),
        new(InternetAddress.FromIPv4(0x0A4D0002), 80));

    private static void Same(FlowTable table, Dictionary<FiveTuple, Route> model)
    {
        Assert.AreEqual(model.Count, table.FlowCount);
        for (var number = 0; number <= 300; number++)
            Assert.AreSame(model.GetValueOrDefault(Number(number)), table.FindRoute(Number(number)));
        Assert.IsTrue(table.Flows().ToHashSet().SetEquals(model));
    }
}

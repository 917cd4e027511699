using Twins.Manager.Host.Windows;
using Twins.Manager.Processes;
using Twins.Manager.Processes.Windows;
using Twins.Manager.Registry;
using Twins.Packets;
using Twins.Protocol;
using Twins.Table;
using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Manager.Tests.Host;

/// <summary>What Windows takes for a guest, by tables as it gives them.</summary>
[TestClass]
public sealed class NodePlaceTests
{
    private static readonly NodePlace Node = new(InternetAddress.Parse("10.77.0.4"));

    [TestMethod]
    [DataRow("0.0.0.0:7000", 500, "")]
    [DataRow("10.77.0.4:7000", 500, "")]
    [DataRow("[::]:7000", 500, "")]
    [DataRow("127.0.0.1:7000", 0, "listener 10.77.0.4:7000")]
    [DataRow("10.77.0.4:7001", 0, "listener 10.77.0.4:7000")]
    public void ListenerAtHomesPort_IsTheGuests(string at, int pid, string missing)
    {
        var found = Node.FindIn([Listens(at, 500), Listens("10.77.0.4:80", 600)], At("10.77.0.2:7000"), NoParent);
        Assert.AreEqual((pid, missing), (found.Pid, found.Missing));
    }

    [TestMethod]
    public void ConnectionAtThePort_IsNoListener() => Assert.AreEqual(
        0, Node.FindIn([new OwnedRow(new SocketRow(4, (int)TcpState.Established, Endpoint.Parse("10.77.0.4:7000"), Endpoint.Parse("10.77.0.1:4000"), 0, 0, 0), 500)], At("10.77.0.2:7000"), NoParent).Pid);

    [TestMethod]
    public void ExactAddress_WinsOverTheWildcard() => Assert.AreEqual(
        600, Node.FindIn([Listens("0.0.0.0:7000", 500), Listens("10.77.0.4:7000", 600)], At("10.77.0.2:7000"), NoParent).Pid);

    [TestMethod]
    public void ListenerWithoutAProcess_OrTheSystems_IsNoGuests() => Assert.AreEqual(
        "listener 10.77.0.4:7000", Node.FindIn([Listens("0.0.0.0:7000", 0), Listens("10.77.0.4:7000", 4)], At("10.77.0.2:7000"), NoParent).Missing);

    [TestMethod]
    public void SeveralListeners_AllAreAwaited_AndTheRootOfTheirProcessesIsTheGuest()
    {
        var wanted = At("10.77.0.2:7000", "10.77.0.2:7001");
        Assert.AreEqual("listener 10.77.0.4:7001", Node.FindIn([Listens("0.0.0.0:7000", 500)], wanted, NoParent).Missing);
        Assert.AreEqual(900, Node.FindIn([Listens("0.0.0.0:7000", 500), Listens("0.0.0.0:7001", 900)], wanted, pid => pid == 500 ? 900 : 1).Pid);
    }

    [TestMethod]
    public void ListenersOfTheOtherFamily_AreNotAwaited()
    {
        Assert.AreEqual(500, Node.FindIn([Listens("0.0.0.0:7000", 500)], At("10.77.0.2:7000", "[fd77::2]:7000"), NoParent).Pid);
        Assert.AreEqual("a listener that is reached at 10.77.0.4", Node.FindIn([Listens("0.0.0.0:7000", 500)], At("[fd77::2]:7000"), NoParent).Missing);
    }

    [TestMethod]
    [DataRow(true, 0U, 1U, null)]
    [DataRow(true, 3U, 1U, "open-connections")]
    [DataRow(true, 0U, 0U, "no-listeners")]
    [DataRow(false, 0U, 1U, "no-cabins")]
    public void OnlyListeners_CanBeHandedOver(bool otherMigrator, uint connections, uint listeners, string? code)
    {
        var request = new PrepareRequest { OtherMigrator = otherMigrator, Connections = connections, Listeners = listeners, Process = new MobileProcess { Name = "echo" } };
        Assert.AreEqual(code, new NodePlaces().FindObstacle(request)?.Code);
    }

    [TestMethod]
    public void Place_IsFoundAgainByItsName() => Assert.AreEqual(Node.Address, new NodePlaces().Find(Node.Id).Address);

    private static int NoParent(int pid) => 0;

    private static Listener[] At(params string[] ends) => [.. ends.Select(end => new ListenerRecord(IpProtocol.Tcp, Endpoint.Parse(end)).ToWire())];

    private static OwnedRow Listens(string at, int pid)
    {
        var local = Endpoint.Parse(at);
        var family = local.Address.IsIPv4 ? 4 : 6;
        return new OwnedRow(new SocketRow(family, (int)TcpState.Listen, local, new Endpoint(family == 4 ? InternetAddress.FromIPv4(0) : default, 0), 0, 0, 0), pid);
    }
}

using Twins.Diversion;
using Twins.Diversion.Linux;
using Twins.Manager.Home;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Manager.Rules;
using Twins.Manager.Tests.Checkpoint;
using Twins.Packets;
using Twins.Protocol;
using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Manager.Tests.Rules;

/// <summary>What a start makes of rules that a crash left, in the order in which Startup does it: divert what the table says, remove the rest.</summary>
[TestClass]
public sealed class KernelRulesTests
{
    private const string JumpsOfThree =
        "-P PREROUTING ACCEPT\n-A PREROUTING -m mark --mark 0x74570003 -j NFQUEUE --queue-num 3\n";

    private static readonly Endpoint Server = Endpoint.Parse("10.77.0.2:7000");
    private static readonly Endpoint Host = Endpoint.Parse("10.77.0.3:61000");
    private static readonly DivertTarget WantedConnection = DivertTarget.Connection(IpProtocol.Tcp, Server, Endpoint.Parse("10.77.0.1:40001"));
    private static readonly DivertTarget WantedListener = DivertTarget.Listener(IpProtocol.Tcp, Server);
    private static readonly DivertTarget WantedLingering = DivertTarget.Lingering(IpProtocol.Tcp, Server, Endpoint.Parse("10.77.0.1:40002"));
    private static readonly DivertTarget WantedLegSource = DivertTarget.LegSource(IpProtocol.Tcp, Host);
    private static readonly DivertTarget WantedLegDestination = DivertTarget.LegDestination(IpProtocol.Tcp, Endpoint.Parse("10.77.0.2:61001"));

    private static readonly DivertTarget[] Wanted = [WantedConnection, WantedListener, WantedLingering, WantedLegSource, WantedLegDestination];

    private static readonly DivertTarget[] Strays =
    [
        DivertTarget.Connection(IpProtocol.Tcp, Server, Endpoint.Parse("10.77.0.1:40003")),
        DivertTarget.Listener(IpProtocol.Tcp, Endpoint.Parse("10.77.0.2:7001")),
        DivertTarget.NewConnections(Server),
        DivertTarget.Lingering(IpProtocol.Tcp, Server, Endpoint.Parse("10.77.0.1:40004")),
        DivertTarget.LegSource(IpProtocol.Tcp, Endpoint.Parse("10.77.0.4:61000")),
        DivertTarget.LegDestination(IpProtocol.Tcp, Endpoint.Parse("10.77.0.2:61002")),
    ];

    private readonly string _directory = Directory.CreateTempSubdirectory("twins-rules-").FullName;

    private string Node => Path.Combine(_directory, "node");

    [TestInitialize]
    public void MakeNode() => NetworkNamespace.Create(Node);

    [TestCleanup]
    public void RemoveNode()
    {
        NetworkNamespace.Remove(Node);
        Directory.Delete(_directory, recursive: true);
    }

    [TestMethod]
    public void Start_RulesOfACrash_WhatIsWantedIsAdopted_TheRestIsRemoved()
    {
        Leave((3, Wanted), (4, Strays));
        Start(3);
        AssertOnlyWanted();
    }

    [TestMethod]
    public void Start_WantedOnAnotherQueue_GoesToTheNewOneAndIsThereOnce()
    {
        Leave((4, Wanted));
        Start(3);
        AssertOnlyWanted();
    }

    [TestMethod]
    public void Start_JumpsLost_AreMadeAgain_AndDoubledOnesAreNot()
    {
        Leave((3, Wanted));
        Shell.Run(Node, "iptables -w -t raw -F");
        Start(3);
        AssertOnlyWanted();
    }

    [TestMethod]
    public void Start_NothingIsWanted_NothingIsLeft()
    {
        Leave((3, Wanted), (4, Strays));
        using var rules = new KernelRules(Node);
        rules.RemoveUnknown([], [], []);
        Assert.AreEqual("", Shell.Run(Node, "nft list ruleset"));
    }

    [TestMethod]
    public void Start_ACrashCameBetweenTableAndRules_NothingIsLeft()
    {
        Leave();
        using var rules = new KernelRules(Node);
        rules.RemoveUnknown([], [], []);
        Assert.AreEqual("", Shell.Run(Node, "nft list ruleset"));
    }

    [TestMethod]
    public void Start_ACrashCameBetweenJumpAndTable_NothingIsLeft()
    {
        Leave((3, Wanted));
        Shell.Run(Node, "nft delete table inet twins");
        using var rules = new KernelRules(Node);
        rules.RemoveUnknown([], [], []);
        Assert.AreEqual("", Shell.Run(Node, "nft list ruleset"));
    }

    [TestMethod]
    public void Start_NothingWasLeft_NothingIsMade_AndTheTablesOfOthersStay()
    {
        const string Others = "table ip raw {\n\tchain PREROUTING {\n\t\ttype filter hook prerouting priority raw; policy accept;\n\t}\n}\n";
        Shell.Run(Node, "nft 'add table ip raw; add chain ip raw PREROUTING { type filter hook prerouting priority raw; policy accept; }'");
        using var rules = new KernelRules(Node);
        rules.RemoveUnknown([], [], []);
        Assert.AreEqual(Others, Shell.Run(Node, "nft list ruleset"));
    }

    [TestMethod]
    public void Unknown_IsCountedAndNotTouched()
    {
        Leave((3, [.. Wanted, .. Strays]));
        using var rules = new KernelRules(Node);
        Assert.AreEqual(6, rules.CountUnknown([HomeOfWanted(3)], [WantedLegDestination.Local.ToWire()], []));
        using var seen = DivertRules.Open(Node);
        Assert.AreEqual(11, seen.TargetCount);
    }

    [TestMethod]
    public void Missing_IsCounted_ThatOthersHaveFlushed()
    {
        Leave((3, [.. Wanted]));
        using var rules = new KernelRules(Node);
        Assert.AreEqual(0, rules.CountMissing([HomeOfWanted(3)], [WantedLegDestination.Local.ToWire()], []));
        Shell.Run(Node, "nft flush map inet twins leg_destinations4");
        Assert.AreEqual(1, rules.CountMissing([HomeOfWanted(3)], [WantedLegDestination.Local.ToWire()], []));
    }

    /// <summary>What a twinsd that was killed leaves: each queue with its targets; the table in any case.</summary>
    private void Leave(params (ushort Queue, DivertTarget[] Targets)[] rules)
    {
        using var before = DivertRules.Open(Node);
        before.Install();
        foreach (var (queue, targets) in rules)
        {
            before.AddQueue(queue);
            before.Add(queue, targets);
        }
    }

    private void Start(int queue)
    {
        using var rules = new KernelRules(Node);
        var home = HomeOfWanted(queue);
        rules.Divert(queue, home.Connections, home.Listeners, home.Lingering);
        rules.DivertLegSources(queue, home.HostLegs);
        rules.DivertLegDestinations(queue, [WantedLegDestination.Local.ToWire()]);
        rules.RemoveUnknown([home], [WantedLegDestination.Local.ToWire()], []);
    }

    private static HomeProcess HomeOfWanted(int queue) => new("p-1", new Twin(queue, "/nowhere"))
    {
        Connections = { ToConnection(WantedConnection) },
        Listeners = { new Listener { Transport = Transport.Tcp, Local = Server.ToWire() } },
        Lingering = { ToConnection(WantedLingering) },
        HostLegs = { Host.ToWire() },
    };

    private static Connection ToConnection(DivertTarget target) => new FiveTuple(target.Protocol, target.Local, target.Peer).ToConnection();

    private void AssertOnlyWanted()
    {
        using var seen = DivertRules.Open(Node);
        CollectionAssert.AreEquivalent(Wanted, seen.Rules.Targets.Keys.ToArray());
        foreach (var target in Wanted.Except([WantedLingering]))
            Assert.AreEqual((ushort)3, seen.Rules.Targets[target]);
        CollectionAssert.AreEquivalent(new ushort[] { 3 }, seen.Queues.ToArray());
        if (seen.QueueByNft)
            return;
        Assert.AreEqual(JumpsOfThree, Shell.Run(Node, "iptables -t raw -S PREROUTING"));
        Assert.AreEqual(JumpsOfThree, Shell.Run(Node, "ip6tables -t raw -S PREROUTING"));
    }
}

using System.Net;
using System.Text;
using Twins.Diversion.Linux;
using Twins.Packets;

namespace Twins.Diversion.Tests;

/// <summary>The table for kernels that have nft's <c>queue</c>. The one that the tests run on may lack it: all but that word is tried there.</summary>
[TestClass]
public sealed class RuleTextTests
{
    private const string Installed = """
        add table inet twins
        add map inet twins connections4 { type inet_proto . ipv4_addr . inet_service . ipv4_addr . inet_service : mark; }
        add map inet twins listeners4 { type inet_proto . ipv4_addr . inet_service : mark; }
        add map inet twins new_connections4 { type inet_proto . ipv4_addr . inet_service : mark; }
        add map inet twins leg_sources4 { type inet_proto . ipv4_addr . inet_service : mark; }
        add map inet twins leg_destinations4 { type inet_proto . ipv4_addr . inet_service : mark; }
        add set inet twins lingering4 { type inet_proto . ipv4_addr . inet_service . ipv4_addr . inet_service; }
        add set inet twins speaking4 { type inet_proto . ipv4_addr . inet_service; }
        add map inet twins connections6 { type inet_proto . ipv6_addr . inet_service . ipv6_addr . inet_service : mark; }
        add map inet twins listeners6 { type inet_proto . ipv6_addr . inet_service : mark; }
        add map inet twins new_connections6 { type inet_proto . ipv6_addr . inet_service : mark; }
        add map inet twins leg_sources6 { type inet_proto . ipv6_addr . inet_service : mark; }
        add map inet twins leg_destinations6 { type inet_proto . ipv6_addr . inet_service : mark; }
        add set inet twins lingering6 { type inet_proto . ipv6_addr . inet_service . ipv6_addr . inet_service; }
        add set inet twins speaking6 { type inet_proto . ipv6_addr . inet_service; }
        add set inet twins queues { type mark; }
        add counter inet twins silenced
        add chain inet twins to_queue
        add chain inet twins quoted
        add chain inet twins others
        flush chain inet twins others
        add chain inet twins prerouting { type filter hook prerouting priority -310; policy accept; }
        flush chain inet twins prerouting
        add rule inet twins prerouting meta mark and 4294901760 == 1951924224 accept
        add rule inet twins prerouting iifname "lo" meta mark 49428 accept
        add rule inet twins prerouting meta l4proto != { 6, 17 } goto others
        add rule inet twins others icmp type { 3, 11, 12 } @th,64,8 0x45 jump quoted
        add rule inet twins others meta l4proto 1 meta mark and 4294901760 == 1951858688 goto to_queue
        add rule inet twins prerouting tcp flags & (syn | ack) != syn meta l4proto . ip saddr . th sport . ip daddr . th dport @lingering4 accept
        add rule inet twins prerouting meta mark set meta l4proto . ip saddr . th sport . ip daddr . th dport map @connections4 goto to_queue
        add rule inet twins prerouting meta mark set meta l4proto . ip saddr . th sport map @leg_sources4 goto to_queue
        add rule inet twins prerouting meta mark set meta l4proto . ip daddr . th dport map @leg_destinations4 goto to_queue
        add rule inet twins prerouting meta mark set meta l4proto . ip daddr . th dport map @listeners4 goto to_queue
        add rule inet twins prerouting tcp flags & (syn | ack) == syn meta mark set meta l4proto . ip daddr . th dport map @new_connections4 goto to_queue
        add rule inet twins prerouting tcp flags & (syn | ack) != syn meta l4proto . ip6 saddr . th sport . ip6 daddr . th dport @lingering6 accept
        add rule inet twins prerouting meta mark set meta l4proto . ip6 saddr . th sport . ip6 daddr . th dport map @connections6 goto to_queue
        add rule inet twins prerouting meta mark set meta l4proto . ip6 saddr . th sport map @leg_sources6 goto to_queue
        add rule inet twins prerouting meta mark set meta l4proto . ip6 daddr . th dport map @leg_destinations6 goto to_queue
        add rule inet twins prerouting meta mark set meta l4proto . ip6 daddr . th dport map @listeners6 goto to_queue
        add rule inet twins prerouting tcp flags & (syn | ack) == syn meta mark set meta l4proto . ip6 daddr . th dport map @new_connections6 goto to_queue
        add chain inet twins output { type filter hook output priority -310; policy accept; }
        flush chain inet twins output
        add rule inet twins output meta mark and 4294901760 == 1951924224 oifname "lo" accept
        add rule inet twins output meta mark and 4294901760 == 1951924224 notrack accept
        add rule inet twins output meta l4proto != { 6, 17 } accept
        add rule inet twins output meta l4proto . ip daddr . th dport . ip saddr . th sport @lingering4 accept
        add rule inet twins output meta l4proto . ip saddr . th sport @speaking4 accept
        add rule inet twins output meta mark set meta l4proto . ip daddr . th dport . ip saddr . th sport map @connections4 counter name silenced drop
        add rule inet twins output meta mark set meta l4proto . ip saddr . th sport map @listeners4 counter name silenced drop
        add rule inet twins output meta mark set meta l4proto . ip daddr . th dport map @leg_sources4 counter name silenced drop
        add rule inet twins output meta mark set meta l4proto . ip saddr . th sport map @leg_destinations4 counter name silenced drop
        add rule inet twins output meta l4proto . ip6 daddr . th dport . ip6 saddr . th sport @lingering6 accept
        add rule inet twins output meta l4proto . ip6 saddr . th sport @speaking6 accept
        add rule inet twins output meta mark set meta l4proto . ip6 daddr . th dport . ip6 saddr . th sport map @connections6 counter name silenced drop
        add rule inet twins output meta mark set meta l4proto . ip6 saddr . th sport map @listeners6 counter name silenced drop
        add rule inet twins output meta mark set meta l4proto . ip6 daddr . th dport map @leg_sources6 counter name silenced drop
        add rule inet twins output meta mark set meta l4proto . ip6 saddr . th sport map @leg_destinations6 counter name silenced drop

        """;

    private const string Jumps = """
        flush chain inet twins to_queue
        add rule inet twins to_queue meta mark 1951858691 queue num 3
        add rule inet twins to_queue meta mark 1951924223 queue num 65535

        """;

    [TestMethod]
    public void Install_WithNftsQueue_SendsWhatIsDivertedToTheChainOfJumps() => Assert.AreEqual(Installed, RuleText.Install(queueByNft: true));

    [TestMethod]
    public void Install_WithoutNftsQueue_LeavesWhatIsMarkedToIptables() =>
        Assert.AreEqual(Installed.Replace("goto to_queue", "accept", StringComparison.Ordinal), RuleText.Install(queueByNft: false));

    [TestMethod]
    public void Jumps_AreWrittenAnew_ByMark() => Assert.AreEqual(Jumps, Text(text => RuleText.AppendQueueJumps(text, [3, 65535])));

    [TestMethod]
    public void Jumps_OfNoQueue_AreNone() => Assert.AreEqual("flush chain inet twins to_queue\n", Text(text => RuleText.AppendQueueJumps(text, [])));

    [TestMethod]
    public void Queues_AreRememberedAsMarks()
    {
        Assert.AreEqual("add element inet twins queues { 1951858691, 1951924223 }\n", Text(text => RuleText.AppendQueues(text, "add", [3, 65535])));
        Assert.AreEqual("delete element inet twins queues { 1951858691 }\n", Text(text => RuleText.AppendQueues(text, "delete", [3])));
        Assert.AreEqual("", Text(text => RuleText.AppendQueues(text, "add", [])));
    }

    [TestMethod]
    public void NftUnderstandsAll_AndTheKernelMissesNothingButTheQueue()
    {
        using var network = new TestNetwork();
        using var rules = DivertRules.Open(network.Home);
        // Twice: on a table that is there, too.
        Shell.Run($"nft -f - <<'END'\n{Installed}{Installed}END", network.Home);
        var said = Shell.Run($"nft --check -f - 2>&1 <<'END' || true\n{Installed}{Jumps}END", network.Home);
        var faults = said.Split('\n').Where(line => line.Contains("Error:", StringComparison.Ordinal)).ToArray();
        Assert.HasCount(rules.QueueByNft ? 0 : 2, faults, said);
        foreach (var fault in faults)
            Assert.EndsWith("Error: Could not process rule: No such file or directory", fault);
        Assert.HasCount(faults.Length, said.Split('\n').Where(line => line.Trim() == "^^^^^"), said);
    }

    [TestMethod]
    public void WhatIsDiverted_ComesToTheJumpOfItsQueue()
    {
        using var network = new TestNetwork();
        using var home = TestNetwork.NewUdp(network.Home, TestNetwork.HomeAddress, 7000);
        using var peer = TestNetwork.NewUdp(network.Peer, TestNetwork.PeerAddress, 7001);
        var counted = Jumps
            .Replace("queue num 3", "counter drop", StringComparison.Ordinal)
            .Replace("queue num 65535", "counter accept", StringComparison.Ordinal);
        Shell.Run($"nft -f - <<'END'\n{Installed}{counted}END", network.Home);
        using (var rules = DivertRules.Open(network.Home))
            rules.Add(3, [DivertTarget.Listener(IpProtocol.Udp, new Endpoint(InternetAddress.Parse("10.99.0.2"), 7000))]);
        peer.SendTo([1, 2], new IPEndPoint(TestNetwork.HomeAddress, 7000));
        Eventually.Holds(
            () => Shell.Run("nft list chain inet twins to_queue", network.Home).Contains("meta mark 0x74570003 counter packets 1 bytes 30 drop", StringComparison.Ordinal),
            "the datagram comes to the jump of queue 3");
        Assert.Contains("meta mark 0x7457ffff counter packets 0 bytes 0 accept", Shell.Run("nft list chain inet twins to_queue", network.Home));
        Assert.AreEqual(0, home.Available);
    }

    private static string Text(Action<StringBuilder> append)
    {
        var text = new StringBuilder();
        append(text);
        return text.ToString();
    }
}

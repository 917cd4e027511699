using System.Globalization;
using System.Text.Json;

namespace Twins.KernelTests.Lab;

/// <summary>
/// Segments that end connections, and ICMP errors, as they pass the peer's network device: what no peer may
/// see because of a move. Counted in both directions, because a wrong segment is answered with RST by the peer.
/// Connections of earlier tests aren't counted: an end that such a test left to itself may be retransmitted long afterwards.
/// A RST after the FINs of both sides isn't counted: on a machine so busy that an answer takes longer than the
/// retransmission timeout, the second copy of a FIN or of its acknowledgement meets a socket that is gone, with
/// or without Twins (RFC 9293, 3.10.7.1).
/// </summary>
internal sealed record PeerCounters(long ResetsIn, long ResetsOut, long FinsIn, long IcmpErrorsIn, IReadOnlyList<string> Connections)
{
    private const string Rules = """
        table inet watch {
          counter resets_in { }
          counter resets_out { }
          counter fins_in { }
          counter icmp_in { }
          set opened { type inet_service . ipv4_addr . inet_service; flags dynamic; }
          set former { type inet_service . ipv4_addr . inet_service; flags dynamic; }
          set ended_by_process { type inet_service . ipv4_addr . inet_service; flags dynamic,timeout; timeout 2m; }
          set ended_by_peer { type inet_service . ipv4_addr . inet_service; flags dynamic,timeout; timeout 2m; }
          set resets { type ipv4_addr . inet_service . ipv4_addr . inet_service; flags dynamic; }
          chain in {
            type filter hook prerouting priority -400; policy accept;
            iifname "lo" accept
            tcp flags & (syn | ack) == syn add @opened { tcp dport . ip saddr . tcp sport } delete @former { tcp dport . ip saddr . tcp sport }
            tcp dport . ip saddr . tcp sport @former accept
            tcp flags & fin == fin counter name fins_in add @ended_by_process { tcp dport . ip saddr . tcp sport }
            tcp flags & rst == rst tcp dport . ip saddr . tcp sport @ended_by_process tcp dport . ip saddr . tcp sport @ended_by_peer accept
            tcp flags & rst == rst counter name resets_in add @resets { ip saddr . tcp sport . ip daddr . tcp dport }
            icmp type { destination-unreachable, time-exceeded, parameter-problem, redirect } counter name icmp_in
          }
          chain out {
            type filter hook output priority -400; policy accept;
            oifname "lo" accept
            tcp flags & (syn | ack) == syn add @opened { tcp sport . ip daddr . tcp dport } delete @former { tcp sport . ip daddr . tcp dport }
            tcp sport . ip daddr . tcp dport @former accept
            tcp flags & fin == fin add @ended_by_peer { tcp sport . ip daddr . tcp dport }
            tcp flags & rst == rst tcp sport . ip daddr . tcp dport @ended_by_process tcp sport . ip daddr . tcp dport @ended_by_peer accept
            tcp flags & rst == rst counter name resets_out add @resets { ip saddr . tcp sport . ip daddr . tcp dport }
          }
        }
        """;

    /// <summary>Starts counting on a machine.</summary>
    public static void Install(Machine peer) => peer.Shell($"nft -f - <<'END'\n{Rules}\nEND");

    /// <summary>A test begins: what was opened before isn't its concern.</summary>
    public static void ForgetConnections(Machine peer) => peer.Shell("""
        former=$(nft list set inet watch opened | tr -d '\n\t' | sed -n 's/.*elements = \({[^}]*}\).*/\1/p')
        [ -z "$former" ] || printf 'add element inet watch former %s\nflush set inet watch opened' "$former" | nft -f -
        """);

    /// <summary>What has passed since the lab was made.</summary>
    public static PeerCounters Read(Machine peer)
    {
        using JsonDocument document = JsonDocument.Parse(peer.Shell("nft -j list table inet watch"));
        Dictionary<string, long> counters = [];
        List<string> resets = [];
        foreach (JsonElement item in document.RootElement.GetProperty("nftables").EnumerateArray())
        {
            if (item.TryGetProperty("counter", out JsonElement counter))
                counters[counter.GetProperty("name").GetString()!] = counter.GetProperty("packets").GetInt64();
            if (item.TryGetProperty("set", out JsonElement set) && set.GetProperty("name").GetString() == "resets" && set.TryGetProperty("elem", out JsonElement seen))
                resets.AddRange(seen.EnumerateArray().Select(reset => reset.GetProperty("concat").ToString()));
        }
        return new PeerCounters(counters["resets_in"], counters["resets_out"], counters["fins_in"], counters["icmp_in"], resets);
    }

    /// <summary>The test fails if a connection was reset, or an ICMP error came, since an earlier reading.</summary>
    public void AssertNothingBroken(PeerCounters now)
    {
        string resets = string.Join('\n', now.Connections.Except(Connections));
        Assert.AreEqual(ResetsIn, now.ResetsIn, $"RST segments came to the peer: {resets}");
        Assert.AreEqual(ResetsOut, now.ResetsOut, $"the peer sent RST segments: something came to it that no connection of it expects: {resets}");
        Assert.AreEqual(IcmpErrorsIn, now.IcmpErrorsIn, "ICMP errors came to the peer");
    }

    /// <summary>As <see cref="AssertNothingBroken"/>, and no FIN came either.</summary>
    public void AssertNothingEnded(PeerCounters now)
    {
        AssertNothingBroken(now);
        Assert.AreEqual(FinsIn, now.FinsIn, string.Create(CultureInfo.InvariantCulture, $"{now.FinsIn - FinsIn} FIN segments came to the peer"));
    }
}

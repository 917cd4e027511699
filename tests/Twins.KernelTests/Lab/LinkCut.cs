using System.Globalization;
using System.Text.Json;

namespace Twins.KernelTests.Lab;

/// <summary>
/// Breaks the links of a machine at a message between it and other nodes: a segment with a request or an answer of the node API.
/// From then on every TCP segment is lost, as long as this lives.
/// </summary>
internal sealed class LinkCut : IDisposable
{
    private const string Table = "inet cut";

    // Up to that many octets, 52 of them an IPv4 and a TCP header with timestamps, there are acknowledgements, and pings and window
    // updates of HTTP/2: losing one of these and all that follows is losing the next message. The shortest answer has 58 more.
    private const string Rules = """
        table inet cut {
          set down { type inet_proto; flags dynamic; }
          set answered { type inet_proto; flags dynamic; }
          chain message {
            tcp flags & syn == syn return
            ip length <= 104 return
            RULE
          }
          chain link {
            meta l4proto @down drop
            tcp sport 7457 jump message
            tcp dport 7457 jump message
          }
          chain in { type filter hook prerouting priority -500; iifname "eth0" jump link; }
          chain out { type filter hook postrouting priority 500; oifname "eth0" jump link; }
        }
        """;

    private readonly Machine _machine;

    private LinkCut(Machine machine, string rule, string afterwards = "")
    {
        _machine = machine;
        machine.Shell($"nft -f - <<'END'\n{Rules.Replace("RULE", rule, StringComparison.Ordinal)}\n{afterwards}\nEND");
    }

    /// <summary>Nothing gets through from now on.</summary>
    public static LinkCut Now(Machine machine) => new(machine, "", $"add element {Table} down {{ tcp }}");

    /// <summary>So many messages get through from now on, in either direction; the next one is lost.</summary>
    public static LinkCut After(Machine machine, int messages) => new(
        machine, string.Create(CultureInfo.InvariantCulture, $"numgen inc mod 1000000 >= {messages} add @down {{ meta l4proto }} drop"));

    /// <summary>Everything gets through until the machine has given another its next answer; the request that follows is lost.</summary>
    public static LinkCut AtRequestAfterAnswer(Machine machine, Machine asking) => new(machine, $$"""
        oifname "eth0" tcp sport 7457 ip daddr {{asking.Address}} add @answered { meta l4proto } return
        iifname "eth0" tcp dport 7457 ip saddr {{asking.Address}} meta l4proto @answered add @down { meta l4proto } drop
        """);

    /// <summary>Whether a message has met the cut.</summary>
    public bool IsDown
    {
        get
        {
            using JsonDocument document = JsonDocument.Parse(_machine.Shell($"nft -j list set {Table} down"));
            return document.RootElement.GetProperty("nftables").EnumerateArray()
                .Any(item => item.TryGetProperty("set", out JsonElement set) && set.TryGetProperty("elem", out _));
        }
    }

    /// <summary>The link is whole again, also if this was done before.</summary>
    public void Dispose() => Heal(_machine);

    /// <summary>Makes the links of a machine whole, whatever a failed test left.</summary>
    public static void Heal(Machine machine) => machine.Exec("nft", "delete", "table", "inet", "cut");
}

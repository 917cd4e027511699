using System.Globalization;
using System.Text.Json;

namespace Twins.KernelTests.Lab;

/// <summary>
/// Breaks the links of a machine after a number of messages between it and other nodes: segments with data of the node API, in
/// either direction, are counted; the next one and every TCP segment after it are lost, as long as this lives.
/// </summary>
internal sealed class LinkCut : IDisposable
{
    private const string Table = "inet cut";

    // An IPv4 and a TCP header with timestamps: a segment that only acknowledges.
    private const string Rules = """
        table inet cut {
          set down { type inet_proto; flags dynamic; }
          counter messages { }
          chain message {
            tcp flags & syn == syn return
            ip length <= 52 return
            numgen inc mod 1000000 >= MESSAGES add @down { meta l4proto } drop
            counter name messages
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

    private LinkCut(Machine machine) => _machine = machine;

    /// <summary>Nothing gets through from now on.</summary>
    public static LinkCut Now(Machine machine)
    {
        machine.Shell($"nft -f - <<'END'\n{Rules.Replace("MESSAGES", "0", StringComparison.Ordinal)}\nadd element {Table} down {{ tcp }}\nEND");
        return new LinkCut(machine);
    }

    /// <summary>So many messages get through from now on.</summary>
    public static LinkCut After(Machine machine, int messages)
    {
        machine.Shell($"nft -f - <<'END'\n{Rules.Replace("MESSAGES", messages.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)}\nEND");
        return new LinkCut(machine);
    }

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

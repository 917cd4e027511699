using System.Text.RegularExpressions;

namespace Twins.KernelTests.Lab;

/// <summary>All that Twins can leave in a node's kernel and run-time directories, as text.</summary>
internal sealed partial record KernelState(string Text)
{
    // iptables' own tables and chains stay behind, empty, when their last rule is gone: the rules are what counts.
    private const string Script = """
        echo "== nft"; nft list tables | grep -Ev '^table (ip6? (raw|mangle|nat|filter|security)|inet cut)$' | while read -r t; do nft list $t 2>/dev/null || true; done
        echo "== iptables"; { iptables-save; ip6tables-save; } 2>/dev/null | sed 's/ \[[0-9:]*\]$//' | grep -E '^-|^:[^ ]+ -$' || true
        echo "== cabins"; ls /run/twins/cabins 2>/dev/null || true
        echo "== images"; find /run/twins/images -mindepth 1 2>/dev/null || true
        echo "== mounts"; sed -n 's/^[^ ]* [^ ]* [^ ]* [^ ]* \([^ ]*\) .* - nsfs .*/\1/p' /proc/self/mountinfo | sed '\#^/run/netns/#d' # of other programs on this computer
        echo "== links"; ip -o link | sed 's/^[0-9]*: \([^:@]*\).*/\1/' | sort
        echo "== addresses"; ip -o addr | awk '{print $2, $4}' | sort
        echo "== routes"; ip route; ip rule
        echo "== criu"; pgrep -l criu || true
        echo "== stopped"; ps -eo pid=,stat=,comm= | awk '$2 ~ /^[Tt]/' || true
        """;

    /// <summary>Reads it now.</summary>
    public static KernelState Of(Machine node) => new(Counters().Replace(node.Shell(Script), ""));

    public override string ToString() => Text;

    [GeneratedRegex(" ?(counter )?packets [0-9]+ bytes [0-9]+")]
    private static partial Regex Counters();
}

using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Twins.Packets;

namespace Twins.Diversion.Linux;

/// <summary>The nft table as text: how it is made, and how its elements are read. <see cref="ElementMessages"/> writes them.</summary>
internal static class RuleText
{
    public const string TableName = "twins";
    public const string Table = "inet " + TableName;

    private const string Elements = "elements = {";
    private static readonly string[] MapNames = ["connections", "listeners", "new_connections", "leg_sources", "leg_destinations", "lingering", "speaking"];

    // Before iptables' raw table (-300), which has the jump to the queue where nft has none, and before connection tracking (-200).
    private const int Priority = -310;

    /// <summary>Makes the table, or brings an older one up to date: its elements stay.</summary>
    public static string Install(bool queueByNft)
    {
        var text = new StringBuilder();
        Line(text, $"add table {Table}");
        foreach (var (suffix, type) in new[] { ("4", "ipv4_addr"), ("6", "ipv6_addr") })
        {
            Line(text, $"add map {Table} connections{suffix} {{ type inet_proto . {type} . inet_service . {type} . inet_service : mark; }}");
            for (var i = 1; i < (int)DivertKind.Lingering; i++)
                Line(text, $"add map {Table} {MapNames[i]}{suffix} {{ type inet_proto . {type} . inet_service : mark; }}");
            Line(text, $"add set {Table} lingering{suffix} {{ type inet_proto . {type} . inet_service . {type} . inet_service; }}");
            Line(text, $"add set {Table} speaking{suffix} {{ type inet_proto . {type} . inet_service; }}");
        }

        Line(text, $"add set {Table} queues {{ type mark; }}");
        Line(text, $"add counter {Table} {SilencedCounter.Name}");
        Line(text, $"add chain {Table} to_queue");
        Line(text, $"add chain {Table} {QuotedRules.Chain}");
        Line(text, $"add chain {Table} others");
        Line(text, $"flush chain {Table} others");
        Line(text, $"add chain {Table} prerouting {{ type filter hook prerouting priority {Priority}; policy accept; }}");
        Line(text, $"flush chain {Table} prerouting");
        Line(text, $"add rule {Table} prerouting meta mark and {Marks.Mask} == {Marks.Sent} accept");
        // The FIN of a peer that a restored socket had received already: to be taken by that socket, not held.
        Line(text, $"add rule {Table} prerouting iifname \"lo\" meta mark {Marks.Restoring} accept");
        var then = queueByNft ? "goto to_queue" : "accept";
        Line(text, $"add rule {Table} prerouting meta l4proto != {{ 6, 17 }} goto others");
        // ICMP errors (RFC 792) by what they quote, if that is an IPv4 header without options.
        Line(text, $"add rule {Table} others icmp type {{ 3, 11, 12 }} @th,64,8 0x45 jump {QuotedRules.Chain}");
        Line(text, $"add rule {Table} others meta l4proto 1 meta mark and {Marks.Mask} == {Marks.Divert} {then}");
        foreach (var (suffix, ip) in new[] { ("4", "ip"), ("6", "ip6") })
        {
            var divert = $"add rule {Table} prerouting";
            Line(text, $"{divert} tcp flags & (syn | ack) != syn meta l4proto . {ip} saddr . th sport . {ip} daddr . th dport @lingering{suffix} accept");
            Line(text, $"{divert} meta mark set meta l4proto . {ip} saddr . th sport . {ip} daddr . th dport map @connections{suffix} {then}");
            Line(text, $"{divert} meta mark set meta l4proto . {ip} saddr . th sport map @leg_sources{suffix} {then}");
            Line(text, $"{divert} meta mark set meta l4proto . {ip} daddr . th dport map @leg_destinations{suffix} {then}");
            Line(text, $"{divert} meta mark set meta l4proto . {ip} daddr . th dport map @listeners{suffix} {then}");
            Line(text, $"{divert} tcp flags & (syn | ack) == syn meta mark set meta l4proto . {ip} daddr . th dport map @new_connections{suffix} {then}");
        }

        Line(text, $"add chain {Table} output {{ type filter hook output priority {Priority}; policy accept; }}");
        Line(text, $"flush chain {Table} output");
        // What is given back to the local stack keeps its entry in connection tracking, if it has one: a stateful firewall needs it.
        Line(text, $"add rule {Table} output meta mark and {Marks.Mask} == {Marks.Sent} oifname \"lo\" accept");
        Line(text, $"add rule {Table} output meta mark and {Marks.Mask} == {Marks.Sent} notrack accept");
        Line(text, $"add rule {Table} output meta l4proto != {{ 6, 17 }} accept");
        foreach (var (suffix, ip) in new[] { ("4", "ip"), ("6", "ip6") })
        {
            Line(text, $"add rule {Table} output meta l4proto . {ip} daddr . th dport . {ip} saddr . th sport @lingering{suffix} accept");
            Line(text, $"add rule {Table} output meta l4proto . {ip} saddr . th sport @speaking{suffix} accept");
            // A lookup in a map needs somewhere to put the value; the mark of what is dropped matters to nobody.
            var drop = $"add rule {Table} output meta mark set meta l4proto";
            var silence = $"counter name {SilencedCounter.Name} drop";
            Line(text, $"{drop} . {ip} daddr . th dport . {ip} saddr . th sport map @connections{suffix} {silence}");
            Line(text, $"{drop} . {ip} saddr . th sport map @listeners{suffix} {silence}");
            // No local socket has an end of a leg: the stack could only send a RST, because the jump to the queue is missing.
            Line(text, $"{drop} . {ip} daddr . th dport map @leg_sources{suffix} {silence}");
            Line(text, $"{drop} . {ip} saddr . th sport map @leg_destinations{suffix} {silence}");
        }

        return text.ToString();
    }

    /// <summary>The jumps of all queues, where nft can do them.</summary>
    public static void AppendQueueJumps(StringBuilder text, IEnumerable<ushort> queues)
    {
        Line(text, $"flush chain {Table} to_queue");
        foreach (var queue in queues)
            Line(text, $"add rule {Table} to_queue meta mark {Marks.ForQueue(queue)} queue num {queue}");
    }

    public static void AppendQueues(StringBuilder text, string verb, IReadOnlyCollection<ushort> queues)
    {
        if (queues.Count > 0)
            Line(text, $"{verb} element {Table} queues {{ {string.Join(", ", queues.Select(queue => Marks.ForQueue(queue).ToString(CultureInfo.InvariantCulture)))} }}");
    }

    /// <summary>Reads the listing of the table, numeric and without counters.</summary>
    /// <exception cref="FormatException">An element that was not written by us.</exception>
    public static RuleSet Parse(string listing)
    {
        var targets = RuleSet.Empty.Targets.ToBuilder();
        var queues = RuleSet.Empty.Queues.ToBuilder();
        var at = 0;
        while ((at = listing.IndexOf(Elements, at, StringComparison.Ordinal)) >= 0)
        {
            var name = NameBefore(listing, at);
            var end = listing.IndexOf('}', at);
            foreach (var element in listing[(at + Elements.Length)..end].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                if (name == "queues")
                    queues.Add(QueueOf(element));
                else
                    AddElement(targets, name, element);
            }

            at = end;
        }

        return new RuleSet(targets.ToImmutable(), queues.ToImmutable());
    }

    /// <summary>The map or set that has such targets.</summary>
    public static string MapOf(DivertTarget target) => MapNames[(int)target.Kind] + (target.Local.Address.IsIPv4 ? "4" : "6");

    private static void AddElement(ImmutableDictionary<DivertTarget, ushort>.Builder targets, string map, string element)
    {
        var kind = Array.IndexOf(MapNames, map[..^1]);
        var colon = kind >= (int)DivertKind.Lingering ? element.Length : element.IndexOf(" : ", StringComparison.Ordinal);
        var parts = colon < 0 ? [] : element[..colon].Split(" . ", StringSplitOptions.TrimEntries);
        if (kind < 0 || parts.Length != ((DivertKind)kind is DivertKind.Connection or DivertKind.Lingering ? 5 : 3))
            throw new FormatException($"The nft table {Table} has an element that is not Twins': {map} {element}");
        var protocol = (IpProtocol)byte.Parse(parts[0], CultureInfo.InvariantCulture);
        var local = EndpointOf(parts[^2], parts[^1]);
        var target = (DivertKind)kind switch
        {
            DivertKind.Connection => DivertTarget.Connection(protocol, local, EndpointOf(parts[1], parts[2])),
            DivertKind.Lingering => DivertTarget.Lingering(protocol, local, EndpointOf(parts[1], parts[2])),
            DivertKind.Speaking => DivertTarget.Speaking(protocol, local),
            DivertKind.Listener => DivertTarget.Listener(protocol, local),
            DivertKind.NewConnections => DivertTarget.NewConnections(local),
            DivertKind.LegSource => DivertTarget.LegSource(protocol, local),
            _ => DivertTarget.LegDestination(protocol, local),
        };
        targets[target] = target.IsQueued ? QueueOf(element[(colon + 3)..]) : (ushort)0;
    }

    private static Endpoint EndpointOf(string address, string port) =>
        new(InternetAddress.Parse(address), ushort.Parse(port, CultureInfo.InvariantCulture));

    private static ushort QueueOf(string mark) => (ushort)uint.Parse(mark.AsSpan().Trim()[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    // "map NAME {" or "set NAME {" is the last opening brace before the elements.
    private static string NameBefore(string listing, int at)
    {
        var brace = listing.LastIndexOf('{', at - 1);
        var line = listing[(listing.LastIndexOf('\n', brace) + 1)..brace].Trim();
        return line[(line.LastIndexOf(' ') + 1)..];
    }

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}

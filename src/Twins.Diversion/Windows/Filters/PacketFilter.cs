using System.Globalization;
using System.Runtime.InteropServices;
using Twins.Packets;

namespace Twins.Diversion.Windows;

/// <summary>
/// A filter for <see cref="WinDivertLayer.Network"/>, in WinDivert's language. It is put together of tests whose constants fit their fields:
/// WinDivert itself takes <c>tcp.DstPort == 65536</c> for <c>not tcp</c>. Of the tests only flags that every packet has can be negated: a test
/// of a header that a packet lacks fails, and so does its negation.
/// </summary>
internal sealed class PacketFilter
{
    /// <summary>Tests that the driver takes in one filter; the DLL takes one more.</summary>
    public const int MaximumTests = 255;

    private readonly string _text;
    private readonly bool _isSum;

    private PacketFilter(string text, int tests, bool isSum = false)
    {
        _text = text;
        TestCount = tests;
        _isSum = isSum;
    }

    /// <summary>What comes to this machine.</summary>
    public static PacketFilter Inbound { get; } = new("inbound", 1);

    /// <summary>What this machine sends.</summary>
    public static PacketFilter Outbound { get; } = new("outbound", 1);

    /// <summary>What doesn't go from this machine to itself.</summary>
    public static PacketFilter NotLoopback { get; } = new("not loopback", 1);

    /// <summary>What another driver hasn't sent again.</summary>
    public static PacketFilter NotImpostor { get; } = new("not impostor", 1);

    /// <summary>TCP segments that open a connection: SYN without ACK.</summary>
    public static PacketFilter OpensConnection { get; } = new("tcp.Syn == 1 and tcp.Ack == 0", 2);

    /// <summary>ICMP and ICMPv6 errors: destination unreachable, time exceeded, parameter problem (RFC 792), and types below 128 (RFC 4443).</summary>
    public static PacketFilter IcmpErrors { get; } = new("icmp.Type == 3 or icmp.Type == 11 or icmp.Type == 12 or icmpv6.Type < 128", 4, isSum: true);

    /// <summary>Each packet.</summary>
    public static PacketFilter Everything { get; } = new("true", 1);

    /// <summary>Packets of IPv4.</summary>
    public static PacketFilter IPv4 { get; } = new("ip", 1);

    /// <summary>Packets of IPv6.</summary>
    public static PacketFilter IPv6 { get; } = new("ipv6", 1);

    /// <summary>Nothing. A handle with it takes part in no packet's way.</summary>
    public static PacketFilter Nothing { get; } = new("false", 1);

    /// <summary>Tests that it takes in the driver.</summary>
    public int TestCount { get; }

    /// <summary>Packets of a transport protocol, fragments among them.</summary>
    public static PacketFilter Of(IpProtocol protocol) => new(string.Create(CultureInfo.InvariantCulture, $"protocol == {(int)protocol}"), 1);

    /// <summary>Packets of the interface with this index.</summary>
    public static PacketFilter Interface(uint index) => new(string.Create(CultureInfo.InvariantCulture, $"ifIdx == {index}"), 1);

    /// <summary>Packets from this port of TCP or UDP.</summary>
    public static PacketFilter SourcePort(IpProtocol protocol, ushort port) => Port(protocol, "SrcPort", port);

    /// <summary>Packets to this port of TCP or UDP.</summary>
    public static PacketFilter DestinationPort(IpProtocol protocol, ushort port) => Port(protocol, "DstPort", port);

    /// <summary>Packets from this address.</summary>
    public static PacketFilter Source(InternetAddress address) => new($"{(address.IsIPv4 ? "ip" : "ipv6")}.SrcAddr == {Text(address)}", 1);

    /// <summary>Packets to this address.</summary>
    public static PacketFilter Destination(InternetAddress address) => new($"{(address.IsIPv4 ? "ip" : "ipv6")}.DstAddr == {Text(address)}", 1);

    /// <summary>Packets from this end.</summary>
    public static PacketFilter Source(IpProtocol protocol, Endpoint end) => All(Port(protocol, "SrcPort", end.Port), Source(end.Address));

    /// <summary>Packets to this end.</summary>
    public static PacketFilter Destination(IpProtocol protocol, Endpoint end) => All(Port(protocol, "DstPort", end.Port), Destination(end.Address));

    /// <summary>Packets of a protocol to any other end than this one. Only beside another filter of the same protocol and family.</summary>
    public static PacketFilter NotTo(IpProtocol protocol, Endpoint end) => Neither(Port(protocol, "DstPort", end.Port), Destination(end.Address));

    /// <summary>Packets of a protocol from any other end than this one. Only beside another filter of the same protocol and family.</summary>
    public static PacketFilter NotFrom(IpProtocol protocol, Endpoint end) => Neither(Port(protocol, "SrcPort", end.Port), Source(end.Address));

    /// <summary>Packets that all of the filters take.</summary>
    public static PacketFilter All(params ReadOnlySpan<PacketFilter> filters) =>
        Join(filters, " and ", isSum: false);

    /// <summary>Packets that one of the filters takes; with none, <see cref="Nothing"/>.</summary>
    public static PacketFilter Any(params ReadOnlySpan<PacketFilter> filters) => filters.Length == 0 ? Nothing : Join(filters, " or ", isSum: true);

    /// <inheritdoc/>
    public override string ToString() => _text;

    // One of the two differs. WinDivert negates single tests only.
    private static PacketFilter Neither(PacketFilter port, PacketFilter address)
    {
        return Any(Inverted(port), Inverted(address));

        static PacketFilter Inverted(PacketFilter equals) => new(equals._text.Replace("==", "!=", StringComparison.Ordinal), equals.TestCount);
    }

    private static PacketFilter Join(ReadOnlySpan<PacketFilter> filters, string word, bool isSum)
    {
        if (filters.Length == 1)
            return filters[0];
        var parts = new string[filters.Length];
        var tests = 0;
        for (var i = 0; i < filters.Length; i++)
        {
            // Without the parentheses `and` binds closer than `or`.
            parts[i] = filters[i]._isSum && !isSum ? $"({filters[i]})" : filters[i]._text;
            tests += filters[i].TestCount;
        }

        return new PacketFilter(string.Join(word, parts), tests, isSum);
    }

    private static PacketFilter Port(IpProtocol protocol, string field, ushort port) => protocol switch
    {
        IpProtocol.Tcp or IpProtocol.Udp => new(
            string.Create(CultureInfo.InvariantCulture, $"{(protocol == IpProtocol.Tcp ? "tcp" : "udp")}.{field} == {port}"), 1),
        _ => throw new ArgumentOutOfRangeException(nameof(protocol), protocol, "Only TCP and UDP have ports."),
    };

    // Eight groups: WinDivert's parser knows no dotted part.
    private static string Text(InternetAddress address)
    {
        if (address.IsIPv4)
            return address.ToString();
        var octets = address.ToBytes();
        return string.Join(':', Enumerable.Range(0, 8).Select(i => (octets[2 * i] << 8 | octets[2 * i + 1]).ToString("x", CultureInfo.InvariantCulture)));
    }
}

using Twins.Packets;

namespace Twins.Capture;

/// <summary>
/// The common part of pcap-filter(7), for where libpcap isn't: protocols, <c>host</c>, <c>port</c>, <c>src</c>, <c>dst</c>, <c>and</c>,
/// <c>or</c>, <c>not</c> and parentheses. It means what it means there; a test compares the two. Immutable.
/// </summary>
public abstract record PlainFilter
{
    private PlainFilter()
    {
    }

    /// <summary>Which end of a packet is meant.</summary>
    public enum End
    {
        /// <summary>One of the two.</summary>
        Either,

        /// <summary>The sender's.</summary>
        Source,

        /// <summary>The receiver's.</summary>
        Destination,
    }

    /// <summary>Reads a filter.</summary>
    /// <exception cref="PlainFilterException">It isn't one, or uses more of the language than is understood.</exception>
    public static PlainFilter Parse(string text) => new PlainFilterParser(text).Read();

    /// <summary>Whether it takes a packet.</summary>
    public abstract bool Matches(PacketFacts packet);

    private static bool OfEnds(End end, PacketFacts packet, Func<Endpoint, bool> test) =>
        (end != End.Destination && test(packet.Source)) || (end != End.Source && test(packet.Destination));

    /// <summary>What both take.</summary>
    public sealed record Both(PlainFilter First, PlainFilter Second) : PlainFilter
    {
        /// <inheritdoc/>
        public override bool Matches(PacketFacts packet) => First.Matches(packet) && Second.Matches(packet);
    }

    /// <summary>What one of them takes.</summary>
    public sealed record Either(PlainFilter First, PlainFilter Second) : PlainFilter
    {
        /// <inheritdoc/>
        public override bool Matches(PacketFacts packet) => First.Matches(packet) || Second.Matches(packet);
    }

    /// <summary>What it doesn't take.</summary>
    public sealed record Not(PlainFilter Filter) : PlainFilter
    {
        /// <inheritdoc/>
        public override bool Matches(PacketFacts packet) => !Filter.Matches(packet);
    }

    /// <summary><c>ip</c> or <c>ip6</c>.</summary>
    public sealed record Family(bool IsIPv6) : PlainFilter
    {
        /// <inheritdoc/>
        public override bool Matches(PacketFacts packet) => packet.Source.Address.IsIPv4 != IsIPv6;
    }

    /// <summary><c>tcp</c>, <c>udp</c>; of <c>icmp</c> and <c>icmp6</c> one half.</summary>
    public sealed record Transport(IpProtocol Protocol) : PlainFilter
    {
        /// <inheritdoc/>
        public override bool Matches(PacketFacts packet) => packet.Protocol == Protocol;
    }

    /// <summary><c>host</c> with an address.</summary>
    public sealed record Host(End Which, InternetAddress Address) : PlainFilter
    {
        /// <inheritdoc/>
        public override bool Matches(PacketFacts packet) => OfEnds(Which, packet, end => end.Address == Address);
    }

    /// <summary><c>port</c> with a number, of TCP or UDP. A fragment that isn't the first has none.</summary>
    public sealed record PortOf(End Which, ushort Port) : PlainFilter
    {
        /// <inheritdoc/>
        public override bool Matches(PacketFacts packet) => packet.Protocol is IpProtocol.Tcp or IpProtocol.Udp && !packet.IsLaterFragment
            && OfEnds(Which, packet, end => end.Port == Port);
    }
}

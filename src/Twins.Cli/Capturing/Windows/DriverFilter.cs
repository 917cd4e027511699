using Twins.Capture;
using Twins.Diversion.Windows;
using Twins.Packets;
using End = Twins.Capture.PlainFilter.End;

namespace Twins.Cli.Capturing.Windows;

/// <summary>
/// The user's filter in WinDivert's language, so that what nobody wants isn't copied. It takes at least what the user's takes: WinDivert
/// negates single tests only, and of a long filter it takes 255 tests. <see cref="PlainTest"/> decides about each packet.
/// </summary>
internal static class DriverFilter
{
    // For what comes beside it: a direction and an interface.
    private const int OtherTests = 2;

    /// <param name="filter">The user's; null: none.</param>
    public static PacketFilter Of(PlainFilter? filter) =>
        filter is not null && Translate(filter) is { } translated && translated.TestCount + OtherTests <= PacketFilter.MaximumTests ? translated : PacketFilter.Everything;

    private static PacketFilter Translate(PlainFilter filter) => filter switch
    {
        PlainFilter.Both both => PacketFilter.All(Translate(both.First), Translate(both.Second)),
        PlainFilter.Either either => PacketFilter.Any(Translate(either.First), Translate(either.Second)),
        PlainFilter.Family family => family.IsIPv6 ? PacketFilter.IPv6 : PacketFilter.IPv4,
        PlainFilter.Transport transport => PacketFilter.Of(transport.Protocol),
        PlainFilter.Host host => OfEnds(host.Which, PacketFilter.Source(host.Address), PacketFilter.Destination(host.Address)),
        PlainFilter.PortOf port => PacketFilter.Any(Port(port, IpProtocol.Tcp), Port(port, IpProtocol.Udp)),
        _ => PacketFilter.Everything,
    };

    private static PacketFilter Port(PlainFilter.PortOf port, IpProtocol protocol) =>
        OfEnds(port.Which, PacketFilter.SourcePort(protocol, port.Port), PacketFilter.DestinationPort(protocol, port.Port));

    private static PacketFilter OfEnds(End which, PacketFilter source, PacketFilter destination) => which switch
    {
        End.Source => source,
        End.Destination => destination,
        _ => PacketFilter.Any(source, destination),
    };
}

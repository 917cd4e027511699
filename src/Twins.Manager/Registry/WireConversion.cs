using Google.Protobuf;
using Twins.Packets;
using Twins.Protocol;
using Twins.Table;
using WireEndpoint = Twins.Protocol.Endpoint;

namespace Twins.Manager.Registry;

/// <summary>Between the values of the contracts and those of packets and table.</summary>
internal static class WireConversion
{
    public static WireEndpoint ToWire(this Packets.Endpoint endpoint) => new()
    {
        Address = ByteString.CopyFrom(endpoint.Address.ToBytes()),
        Port = endpoint.Port,
    };

    /// <exception cref="ArgumentException">An address that has neither 4 nor 16 octets, or a port out of range.</exception>
    public static Packets.Endpoint ToEndpoint(this WireEndpoint endpoint) => endpoint.Port <= ushort.MaxValue
        ? new(InternetAddress.FromBytes(endpoint.Address.Span), (ushort)endpoint.Port)
        : throw new ArgumentException($"A port is at most 65535, not {endpoint.Port}.", nameof(endpoint));

    /// <summary>As the process sees it: local end first.</summary>
    public static FiveTuple ToTuple(this Connection connection) =>
        new((IpProtocol)connection.Transport, connection.Local.ToEndpoint(), connection.Peer.ToEndpoint());

    public static Connection ToConnection(this FiveTuple tuple) => new()
    {
        Transport = (Transport)tuple.Protocol,
        Local = tuple.Source.ToWire(),
        Peer = tuple.Destination.ToWire(),
    };

    public static FlowRecord ToRecord(this Flow flow) =>
        new(flow.Connection.ToTuple(), flow.HomeLeg?.ToEndpoint(), flow.HostLeg?.ToEndpoint());

    /// <exception cref="InvalidOperationException">The flow has no leg.</exception>
    public static Flow ToWire(this FlowRecord flow) => new()
    {
        Connection = flow.Connection.ToConnection(),
        HomeLeg = (flow.HomeLeg ?? throw new InvalidOperationException("The flow has no leg.")).ToWire(),
        HostLeg = (flow.HostLeg ?? throw new InvalidOperationException("The flow has no leg.")).ToWire(),
    };

    public static ListenerRecord ToRecord(this Listener listener) =>
        new((IpProtocol)listener.Transport, listener.Local.ToEndpoint());

    public static Listener ToWire(this ListenerRecord listener) => new()
    {
        Transport = (Transport)listener.Protocol,
        Local = listener.Local.ToWire(),
    };
}

using Twins.Packets;
using Twins.Protocol;

namespace Twins.Worker;

/// <summary>Values of the contract to values of the packet path and back. What can't be is an <see cref="InvalidDataException"/>.</summary>
internal static class Wire
{
    public static Packets.Endpoint ToEndpoint(Protocol.Endpoint? endpoint)
    {
        if (endpoint is null || endpoint.Address.Length is not (4 or 16) || endpoint.Port > ushort.MaxValue)
            throw new InvalidDataException("an endpoint without an address of 4 or 16 octets and a port up to 65535");
        return new Packets.Endpoint(InternetAddress.FromBytes(endpoint.Address.Span), (ushort)endpoint.Port);
    }

    public static ConnectionKey ToConnection(Connection? connection)
    {
        if (connection is null)
            throw new InvalidDataException("a flow without a connection");
        var key = new ConnectionKey(ToProtocol(connection.Transport), ToEndpoint(connection.Local), ToEndpoint(connection.Peer));
        return key.Local.Address.IsIPv4 == key.Peer.Address.IsIPv4
            ? key
            : throw new InvalidDataException("a connection with ends of different families");
    }

    public static (IpProtocol Protocol, Packets.Endpoint Local) ToListener(Listener listener) =>
        (ToProtocol(listener.Transport), ToEndpoint(listener.Local));

    public static RedirectedFlow ToFlow(Flow flow)
    {
        var result = new RedirectedFlow(ToConnection(flow.Connection), ToEndpoint(flow.HomeLeg), ToEndpoint(flow.HostLeg));
        var isIPv4 = result.Connection.Local.Address.IsIPv4;
        return result.HomeLeg.Address.IsIPv4 == isIPv4 && result.HostLeg.Address.IsIPv4 == isIPv4
            ? result
            : throw new InvalidDataException("a flow whose leg is of another family");
    }

    public static (ConnectionKey Connection, Redirection.FrozenSocket Socket) ToFrozenSocket(Protocol.FrozenSocket socket)
    {
        var connection = ToConnection(socket.Connection);
        return (connection, new Redirection.FrozenSocket(
            connection.Outbound, new SequenceNumber(socket.SendNext), new SequenceNumber(socket.ReceiveNext), socket.HasTimestamps ? socket.Timestamp : null));
    }

    public static Flow FromFlow(in RedirectedFlow flow) => new()
    {
        Connection = FromConnection(flow.Connection),
        HomeLeg = FromEndpoint(flow.HomeLeg),
        HostLeg = FromEndpoint(flow.HostLeg),
    };

    public static Connection FromConnection(in ConnectionKey connection) => new()
    {
        Transport = (Transport)(int)connection.Protocol,
        Local = FromEndpoint(connection.Local),
        Peer = FromEndpoint(connection.Peer),
    };

    public static Protocol.Endpoint FromEndpoint(Packets.Endpoint endpoint) => new()
    {
        Address = Google.Protobuf.UnsafeByteOperations.UnsafeWrap(endpoint.Address.ToBytes()),
        Port = endpoint.Port,
    };

    private static IpProtocol ToProtocol(Transport transport) => transport switch
    {
        Transport.Tcp => IpProtocol.Tcp,
        Transport.Udp => IpProtocol.Udp,
        _ => throw new InvalidDataException($"transport {(int)transport} is neither TCP nor UDP"),
    };
}

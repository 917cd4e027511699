using Twins.Packets;

namespace Twins.Worker;

/// <summary>A connection as the process sees it.</summary>
/// <param name="Protocol">TCP or UDP.</param>
/// <param name="Local">H:p.</param>
/// <param name="Peer">P:q.</param>
internal readonly record struct ConnectionKey(IpProtocol Protocol, Endpoint Local, Endpoint Peer)
{
    /// <summary>What the peer's packets carry: P:q -> H:p.</summary>
    public FiveTuple Inbound => new(Protocol, Peer, Local);

    /// <summary>What the process's packets carry: H:p -> P:q.</summary>
    public FiveTuple Outbound => new(Protocol, Local, Peer);

    /// <summary>The connection whose peer sends such packets.</summary>
    public static ConnectionKey OfInbound(in FiveTuple tuple) => new(tuple.Protocol, tuple.Destination, tuple.Source);

    /// <summary>The connection whose process sends such packets.</summary>
    public static ConnectionKey OfOutbound(in FiveTuple tuple) => new(tuple.Protocol, tuple.Source, tuple.Destination);
}

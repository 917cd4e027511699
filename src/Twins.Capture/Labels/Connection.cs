using Twins.Packets;

namespace Twins.Capture;

/// <summary>A connection as its process sees it.</summary>
/// <param name="Protocol">TCP or UDP.</param>
/// <param name="Local">H:p.</param>
/// <param name="Peer">P:q.</param>
public readonly record struct Connection(IpProtocol Protocol, Endpoint Local, Endpoint Peer)
{
    /// <summary>The connection whose peer sends such packets.</summary>
    public static Connection OfInbound(in FiveTuple tuple) => new(tuple.Protocol, tuple.Destination, tuple.Source);

    /// <summary>The connection whose process sends such packets.</summary>
    public static Connection OfOutbound(in FiveTuple tuple) => new(tuple.Protocol, tuple.Source, tuple.Destination);

    /// <summary>Parses what <see cref="ToString"/> gives.</summary>
    public static bool TryParse(string text, out Connection connection)
    {
        connection = default;
        var parts = text.Split('/');
        if (parts.Length != 2 || !Enum.TryParse<IpProtocol>(parts[0], ignoreCase: true, out var protocol))
            return false;
        var ends = parts[1].Split("<->");
        if (ends.Length != 2 || !Endpoint.TryParse(ends[0], out var peer) || !Endpoint.TryParse(ends[1], out var local))
            return false;
        connection = new Connection(protocol, local, peer);
        return true;
    }

    /// <summary>Such as <c>tcp/10.77.0.1:40000&lt;->10.77.0.2:6379</c>, the peer first.</summary>
    public override string ToString() => $"{Protocol.ToString().ToLowerInvariant()}/{Peer}<->{Local}";
}

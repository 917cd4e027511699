using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Twins.Manager.Access;

/// <summary>Carried by every connection of ours: what it came in by, and who made it.</summary>
internal sealed class ListenerFeature(ListenerKind kind, string sender)
{
    public ListenerKind Kind { get; } = kind;

    /// <summary>An address, or a user of this machine.</summary>
    public string Sender { get; } = sender;

    /// <summary>Why the handshake was refused, as a key and in words; null: it wasn't, or nobody but TLS knows.</summary>
    public (string Reason, string What)? Refusal { get; set; }

    /// <summary>Whether a call came by it, whatever became of that.</summary>
    public bool HasCalled { get; set; }

    /// <summary>Marks all connections of an endpoint. How each ends, <see cref="ConnectionEnds"/> hears.</summary>
    public static void Mark(IConnectionBuilder endpoint, ListenerKind kind) => endpoint.Use(next => connection =>
    {
        var feature = new ListenerFeature(kind, SenderOf(connection));
        connection.Features.Set(feature);
        connection.Features.Get<IConnectionMetricsTagsFeature>()?.Tags.Add(new(ConnectionEnds.SenderTag, feature));
        return next(connection);
    });

    private static string SenderOf(ConnectionContext connection)
    {
        if (connection.RemoteEndPoint is IPEndPoint { Address: var address })
            return (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
        var socket = connection.Features.Get<IConnectionSocketFeature>()?.Socket;
        return socket is { AddressFamily: AddressFamily.Unix } && PeerCredentials.Read(socket) is { } caller ? $"User {caller.Uid}" : "Somebody";
    }
}

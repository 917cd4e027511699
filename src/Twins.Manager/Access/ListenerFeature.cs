using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Twins.Manager.Access.Linux;
using Twins.Manager.Access.Windows;

namespace Twins.Manager.Access;

/// <summary>Carried by every connection of ours: what it came in by, and who made it.</summary>
internal sealed class ListenerFeature(ListenerKind kind, Func<string> sender)
{
    public ListenerKind Kind { get; } = kind;

    /// <summary>An address, or a user of this machine.</summary>
    public string Sender => sender();

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

    private static Func<string> SenderOf(ConnectionContext connection)
    {
        // Of a pipe's client the system may tell only after something came from it.
        if (connection.Features.Get<PipeCaller>() is { } client)
            return () => client.Caller?.Name ?? "Somebody";
        var sender = "Somebody";
        if (connection.RemoteEndPoint is IPEndPoint { Address: var address })
            sender = (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
        else if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is { AddressFamily: AddressFamily.Unix } socket && PeerCredentials.Read(socket) is { } caller)
            sender = $"User {caller.Uid}";
        return () => sender;
    }
}

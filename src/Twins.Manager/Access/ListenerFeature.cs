using Microsoft.AspNetCore.Connections;

namespace Twins.Manager.Access;

/// <summary>Carried by every connection of ours.</summary>
internal sealed record ListenerFeature(ListenerKind Kind)
{
    /// <summary>Marks all connections of an endpoint.</summary>
    public static void Mark(IConnectionBuilder endpoint, ListenerKind kind)
    {
        var feature = new ListenerFeature(kind);
        endpoint.Use(next => connection =>
        {
            connection.Features.Set(feature);
            return next(connection);
        });
    }
}

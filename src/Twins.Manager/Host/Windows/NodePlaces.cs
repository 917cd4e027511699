using Twins.Diversion.Linux;
using Twins.Manager.Registry;
using Twins.Packets;
using Twins.Protocol;
using Endpoint = Twins.Protocol.Endpoint;

namespace Twins.Manager.Host.Windows;

/// <summary>Windows: there are no cabins, and nothing makes a connection from outside. A guest is another instance of the server, for the connections to come.</summary>
internal sealed class NodePlaces : GuestPlaces
{
    /// <inheritdoc/>
    public override (string Code, string What)? FindObstacle(PrepareRequest request)
    {
        var name = request.Process.Name;
        if (!request.OtherMigrator)
            return ("no-cabins", $"it runs Windows, which restores no process. 'twins hold {name}' and 'twins redirect {name}' hand its listeners over to another instance of the program there.");
        if (request.Connections > 0)
        {
            return (
                "open-connections",
                $"it runs Windows, where nothing can take over a connection that is open, and '{name}' has {request.Connections}. Let them end ('twins release {name}' lets its peers do so), then hold and redirect it again: its listeners can be handed over.");
        }

        return request.Listeners == 0
            ? ("no-listeners", $"it runs Windows, where only listeners can be handed over, and '{name}' has none. Redirect it to a Linux node.")
            : null;
    }

    /// <inheritdoc/>
    public override GuestPlace Create(MobileProcess process, ulong epoch, Endpoint leg, out FileDescriptor? device)
    {
        device = null;
        return new NodePlace(leg.ToEndpoint().Address);
    }

    /// <inheritdoc/>
    public override GuestPlace Find(string id) => new NodePlace(InternetAddress.Parse(id));
}

using Twins.Diversion.Linux;
using Twins.Manager.Cabins;
using Twins.Manager.Registry;
using Twins.Manager.Settings;
using Twins.Protocol;
using Endpoint = Twins.Protocol.Endpoint;

namespace Twins.Manager.Host.Linux;

/// <summary>Linux: each guest has a cabin.</summary>
internal sealed class CabinPlaces(TwinsdOptions options) : GuestPlaces
{
    /// <inheritdoc/>
    public override (string Code, string What)? FindObstacle(PrepareRequest request) => null;

    /// <inheritdoc/>
    /// <exception cref="CabinException">A step failed; nothing is left behind.</exception>
    public override GuestPlace Create(MobileProcess process, ulong epoch, Endpoint leg, out FileDescriptor? device)
    {
        var settings = new CabinSettings
        {
            Folder = options.CabinDirectory,
            Mtu = Cabin.MtuOf(leg.ToEndpoint().Address),
            FirstPort = options.FirstRedirectPort,
            LastPort = options.LastRedirectPort,
        };
        // A former stay's cabin may still be there, bringing to their end the connections that the process left behind.
        var cabin = Cabin.Create($"{process.ProcessId}-{epoch}", [.. process.HomeAddresses.Select(a => Packets.InternetAddress.FromBytes(a.Span))], settings, out var opened);
        device = opened;
        return new CabinPlace(cabin);
    }

    /// <inheritdoc/>
    public override GuestPlace? Find(string id) =>
        Cabin.List(options.CabinDirectory).FirstOrDefault(c => c.Id == id) is { } cabin ? new CabinPlace(cabin) : null;
}

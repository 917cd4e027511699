using Twins.Diversion.Linux;
using Twins.Protocol;
using Endpoint = Twins.Protocol.Endpoint;

namespace Twins.Manager.Host;

/// <summary>Makes the places of guests, as this system has them. Thread safe.</summary>
internal abstract class GuestPlaces
{
    /// <summary>What keeps a process from being a guest here, whatever the node has: a stable code, and the rest of a sentence with its remedy. Null: nothing.</summary>
    public abstract (string Code, string What)? FindObstacle(PrepareRequest request);

    /// <summary>Makes a place.</summary>
    /// <param name="process">For whom.</param>
    /// <param name="epoch">The epoch of its stay.</param>
    /// <param name="leg">An end of its legs, N:n.</param>
    /// <param name="device">The device between twin and guest, to be kept open; null where there is none.</param>
    public abstract GuestPlace Create(MobileProcess process, ulong epoch, Endpoint leg, out FileDescriptor? device);

    /// <summary>The place of that name, after a restart; null when it is gone.</summary>
    public abstract GuestPlace? Find(string id);
}

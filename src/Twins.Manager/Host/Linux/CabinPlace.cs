using Twins.Diversion.Linux;
using Twins.Manager.Cabins;
using Twins.Manager.Migration;
using Twins.Manager.Registry;
using Twins.Packets;
using Twins.Protocol;
using Listener = Twins.Protocol.Listener;

namespace Twins.Manager.Host.Linux;

/// <summary>A cabin: the guest's sockets have home's address there, and nobody else lives in it.</summary>
internal sealed class CabinPlace(Cabin cabin) : GuestPlace
{
    /// <inheritdoc/>
    public override string Id => cabin.Id;

    /// <inheritdoc/>
    public override string NamespacePath => cabin.NamespacePath;

    /// <inheritdoc/>
    public override InternetAddress? Address => null;

    /// <inheritdoc/>
    public override FileDescriptor? TryOpenDevice()
    {
        try
        {
            return cabin.OpenDevice();
        }
        catch (CabinException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public override FoundGuest Find(MobileProcess process, IReadOnlyList<Flow> flows, IReadOnlyList<Listener> listeners) =>
        CabinGuest.Find(cabin.NamespacePath, process.Pid, [.. process.HomeAddresses.Select(a => InternetAddress.FromBytes(a.Span))], flows, listeners);

    /// <inheritdoc/>
    public override int CountOpen(IReadOnlyCollection<Connection> connections) => NetworkNamespace.Run(cabin.NamespacePath, CabinSockets.CountOpen);

    /// <inheritdoc/>
    public override bool IsTaken(Connection connection) => false;

    /// <inheritdoc/>
    public override void Remove() => cabin.Remove();
}

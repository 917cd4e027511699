using Twins.Diversion.Linux;
using Twins.Packets;
using Twins.Protocol;
using Listener = Twins.Protocol.Listener;

namespace Twins.Manager.Host;

/// <summary>Where a guest lives: in a cabin, or, where there are none, on the node itself. Thread safe.</summary>
internal abstract class GuestPlace
{
    /// <summary>What the Table of Twins calls it.</summary>
    public abstract string Id { get; }

    /// <summary>Path of the network namespace that a migrator restores into; null: there is none.</summary>
    public abstract string? NamespacePath { get; }

    /// <summary>The address of this node, N, that the guest's sockets have in the place of home's; null: they have home's.</summary>
    public abstract InternetAddress? Address { get; }

    /// <summary>The device between twin and guest; null when there is none, or when the twin holds it.</summary>
    public abstract FileDescriptor? TryOpenDevice();

    /// <summary>Looks for what another program restores, or starts in the process's place.</summary>
    /// <param name="process">Who is awaited.</param>
    /// <param name="flows">The connections that must be there.</param>
    /// <param name="listeners">The listeners that must be there, as home has them.</param>
    public abstract FoundGuest Find(MobileProcess process, IReadOnlyList<Flow> flows, IReadOnlyList<Listener> listeners);

    /// <summary>How many of the guest's connections still have something to say to their peers.</summary>
    /// <param name="connections">Those that home gave a leg.</param>
    public abstract int CountOpen(IReadOnlyCollection<Connection> connections);

    /// <summary>Whether the stack here has a connection already whose ends this one's would be.</summary>
    public abstract bool IsTaken(Connection connection);

    /// <summary>Gives it back. Idempotent.</summary>
    public abstract void Remove();
}

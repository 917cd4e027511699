using Twins.Protocol;

namespace Twins.Manager.Registry;

/// <summary>The connections and listeners of a process at one moment, as the kernel has them.</summary>
/// <param name="Connections">Local end first; connections over the loopback interface are left out.</param>
/// <param name="Listeners">One for each address that a listener covers.</param>
/// <param name="Lingering">Connections through these listeners that the process has closed: they stay with the stack that has them.</param>
/// <param name="HalfOpen">
/// Connections being opened to a listener: the peer has been answered and has not answered back. It may take the connection for open,
/// but no image holds it.
/// </param>
/// <param name="HasUnaccepted">A connection waits in a backlog.</param>
internal sealed record EndpointSet(
    IReadOnlySet<Connection> Connections, IReadOnlySet<Listener> Listeners, IReadOnlySet<Connection> Lingering, IReadOnlySet<Connection> HalfOpen, bool HasUnaccepted)
{
    public static readonly EndpointSet Empty = new(new HashSet<Connection>(), new HashSet<Listener>(), new HashSet<Connection>(), new HashSet<Connection>(), HasUnaccepted: false);

    /// <summary>Whether a listener has a connection that isn't the program's yet.</summary>
    public bool HasBacklog => HasUnaccepted || HalfOpen.Count > 0;

    /// <summary>Whether a hold of <paramref name="held"/> holds all of this.</summary>
    public bool IsCoveredBy(EndpointSet held) =>
        Connections.All(c => held.Connections.Contains(c) || held.Listeners.Any(l => l.Transport == c.Transport && l.Local.Equals(c.Local)))
        && held.Listeners.IsSupersetOf(Listeners);
}

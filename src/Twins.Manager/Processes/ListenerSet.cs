using Twins.Packets;
using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Manager.Processes;

/// <summary>All listeners of a network namespace, and which of them the processes in question own.</summary>
internal sealed class ListenerSet
{
    private readonly List<(SocketRow Row, bool IsOwned)> _listeners;

    public ListenerSet(IEnumerable<SocketRow> rows, Dictionary<ulong, int> owners)
        : this(rows.Select(row => (row, owners.ContainsKey(row.Inode))))
    {
    }

    public ListenerSet(IEnumerable<(SocketRow Row, bool IsOwned)> listeners) => _listeners = [.. listeners];

    /// <summary>
    /// Whether a connection at this local end came through an owned listener. As in the kernel's lookup
    /// an exact address wins over a wildcard; among equals (SO_REUSEPORT) an owned one is assumed.
    /// </summary>
    public bool BelongsToOwned(Endpoint local)
    {
        var candidates = _listeners.Where(listener => Covers(listener.Row, local)).ToArray();
        var exact = candidates.Where(listener => listener.Row.Local == local).ToArray();
        if (exact.Length > 0)
            return exact.Any(listener => listener.IsOwned);
        var sameFamily = candidates.Where(listener => listener.Row.Local.Address.IsIPv4 == local.Address.IsIPv4).ToArray();
        return (sameFamily.Length > 0 ? sameFamily : candidates).Any(listener => listener.IsOwned);
    }

    /// <summary>
    /// The endpoints at which the owned listeners are reached. Whether an IPv6 wildcard takes IPv4 too
    /// (IPV6_V6ONLY) is not in the table: it is taken to, unless somebody else listens on the IPv4 wildcard.
    /// </summary>
    public IEnumerable<Endpoint> OwnedEndpoints(IReadOnlyCollection<InternetAddress> localAddresses)
    {
        foreach (var (row, _) in _listeners.Where(listener => listener.IsOwned))
        {
            if (!row.Local.Address.IsUnspecified)
            {
                yield return row.Local;
                continue;
            }

            foreach (var address in localAddresses)
            {
                var endpoint = new Endpoint(address, row.Local.Port);
                if (Covers(row, endpoint) && BelongsToOwned(endpoint))
                    yield return endpoint;
            }
        }
    }

    private static bool Covers(in SocketRow listener, Endpoint local) =>
        listener.Local.Port == local.Port
        && (listener.Local.Address == local.Address
            || (listener.Local.Address.IsUnspecified && (listener.SocketFamily == 6 || local.Address.IsIPv4)));
}

using Twins.Protocol;

namespace Twins.Manager.Home;

/// <summary>
/// The home ports r of the legs to hosts. A leg is told apart by (H:r, N:n), so each host leg N:n has
/// the whole redirect range to itself. Not thread safe.
/// </summary>
internal sealed class LegPorts
{
    private readonly int _first;
    private readonly int _last;
    private readonly Dictionary<Endpoint, HashSet<int>> _used = [];
    private int _next;

    public LegPorts(int first, int last)
    {
        _first = _next = first;
        _last = last;
    }

    /// <summary>The first of these host legs that has a port left, with the port; null when all are used up.</summary>
    public (Endpoint Leg, int Port)? TakeOfAny(IReadOnlyList<Endpoint> hostLegs)
    {
        foreach (var leg in hostLegs)
        {
            if (Take(leg) is { } port)
                return (leg, port);
        }

        return null;
    }

    /// <summary>A port that no other flow of this host leg has, or null when the range is used up.</summary>
    private int? Take(Endpoint hostLeg)
    {
        if (!_used.TryGetValue(hostLeg, out var used))
            _used[hostLeg] = used = [];
        if (used.Count > _last - _first)
            return null;
        for (var tried = _first; tried <= _last; tried++)
        {
            var port = _next;
            _next = _next == _last ? _first : _next + 1;
            if (used.Add(port))
                return port;
        }

        return null;
    }

    /// <summary>Marks a port as used, when flows are taken up again after a restart.</summary>
    public void Use(Flow flow)
    {
        if (!_used.TryGetValue(flow.HostLeg, out var used))
            _used[flow.HostLeg] = used = [];
        used.Add((int)flow.HomeLeg.Port);
    }

    /// <summary>The flow is over.</summary>
    public void Return(Flow flow)
    {
        if (_used.TryGetValue(flow.HostLeg, out var used) && used.Remove((int)flow.HomeLeg.Port) && used.Count == 0)
            _used.Remove(flow.HostLeg);
    }
}

using Twins.Packets;
using Twins.Redirection;

namespace Twins.Worker;

/// <summary>At home: the flows whose way back is open, by what the host sends, and how many each leg N:n carries.</summary>
internal sealed class OpenLegSet
{
    private readonly Dictionary<FiveTuple, RedirectedFlow> _flows = [];
    private readonly Dictionary<Leg, int> _flowsOf = [];

    public IReadOnlyCollection<RedirectedFlow> Flows => _flows.Values;

    public void Add(in RedirectedFlow flow)
    {
        if (_flows.TryAdd(flow.ToHome, flow))
            _flowsOf[flow.Leg] = _flowsOf.GetValueOrDefault(flow.Leg) + 1;
        else
            _flows[flow.ToHome] = flow;
    }

    /// <summary>The way back of the flow is no more.</summary>
    /// <returns>Whether it was the last one that its leg carries.</returns>
    public bool Remove(in RedirectedFlow flow)
    {
        if (!_flows.Remove(flow.ToHome))
            return !_flowsOf.ContainsKey(flow.Leg);
        if (--_flowsOf[flow.Leg] > 0)
            return false;
        _flowsOf.Remove(flow.Leg);
        return true;
    }

    public void Clear()
    {
        _flows.Clear();
        _flowsOf.Clear();
    }
}

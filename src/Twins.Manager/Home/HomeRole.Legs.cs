using Google.Protobuf;
using Twins.Manager.Nodes;
using Twins.Protocol;

namespace Twins.Manager.Home;

/// <content>Home's ends of the legs.</content>
internal sealed partial class HomeRole
{
    /// <summary>Picks home's ends of the legs and opens them outwards; inbound stays held.</summary>
    public async Task<AllocateLegsReply> AllocateLegsAsync(AllocateLegsRequest request, CancellationToken cancellation)
    {
        await HearAsync(request.ProcessId, request.Epoch, cancellation);
        return await ChangeAsync("allocate", request.ProcessId, request.Epoch, request.Connections.Count, create: true, async process =>
        {
            var legs = request.HostLegs.ToList();

            // Of connections that have ended meanwhile, and of a host that was to get the process before this one.
            var wanted = request.Connections.ToHashSet();
            foreach (var stale in process.NextFlows.Values.Where(f => !wanted.Contains(f.Connection) || !legs.Contains(f.HostLeg)).ToList())
            {
                process.NextFlows.Remove(stale.Connection);
                ReturnPort(stale);
            }

            _rules.RemoveLegSources(process.NextHostLegs.Except(legs).Except(process.HostLegs).Except(LegsOfOthers(process)).ToList());
            process.NextHostLegs.IntersectWith(legs);

            foreach (var flow in Allocate(process.ProcessId, request.Connections.Where(c => !process.NextFlows.ContainsKey(c)), legs))
                process.NextFlows[flow.Connection] = flow;

            process.NextHostLegs.UnionWith(legs);
            _store.SaveNextLegs(process);
            _rules.DivertLegSources(process.Twin.Queue, legs);
            var command = process.Command();
            command.OpenLegs = new OpenLegs { Flows = { process.NextFlows.Values } };
            await process.Twin.SendAsync(command, cancellation: cancellation);
            return new AllocateLegsReply { Flows = { request.Connections.Select(c => process.NextFlows[c]) } };
        });
    }

    /// <summary>The process at its host opens a connection: home gives it a leg.</summary>
    public Task<OpenFlowReply> OpenFromHostAsync(OpenFlowRequest request, CancellationToken cancellation) =>
        ChangeAsync(request.ProcessId, request.Epoch, create: false, async process =>
        {
            if (!process.Flows.TryGetValue(request.Connection, out var flow))
            {
                flow = Allocate(process.ProcessId, [request.Connection], [request.HostLeg]).Single();
                await AddAsync(process, flow, cancellation);
            }

            return new OpenFlowReply { Flow = flow };
        });

    private async Task AddAsync(HomeProcess process, Flow flow, CancellationToken cancellation)
    {
        process.Connections.Add(flow.Connection);
        if (process.Lingering.Remove(flow.Connection))
            _rules.Remove([], [], [flow.Connection]);
        process.Flows[flow.Connection] = flow;
        var command = process.Command();
        command.AddFlows = new AddFlows { Flows = { flow } };
        await process.Twin.SendAsync(command, cancellation: cancellation);
        _rules.Divert(process.Twin.Queue, [flow.Connection], [], []);
        _store.AddFlow(process, flow);
    }

    /// <summary>A leg for each connection, or none for any of them.</summary>
    /// <exception cref="NodeException">The ports don't suffice.</exception>
    private List<Flow> Allocate(string processId, IEnumerable<Connection> connections, IReadOnlyList<Endpoint> hostLegs)
    {
        var flows = new List<Flow>();
        var homes = new Dictionary<(ByteString Leg, ByteString Local), ByteString>();
        lock (_portsLock)
        {
            foreach (var connection in connections)
            {
                if (_ports.TakeOfAny(hostLegs) is not (var leg, var port))
                {
                    flows.ForEach(_ports.Return);
                    throw new NodeException(_identity.Name, "no-redirect-port", $"Node '{_identity.Name}' has no free redirect port ({_options.FirstRedirectPort}-{_options.LastRedirectPort}) for '{processId}'; widen the range there (firstRedirectPort, lastRedirectPort).");
                }

                var ends = (leg.Address, connection.Local.Address);
                if (!homes.TryGetValue(ends, out var home))
                    homes[ends] = home = NodeMap.AddressTowards(leg.Address) ?? connection.Local.Address;
                flows.Add(new Flow { Connection = connection, HomeLeg = new Endpoint { Address = home, Port = (uint)port }, HostLeg = leg });
            }
        }

        return flows;
    }

    private void UsePort(Flow flow)
    {
        lock (_portsLock)
            _ports.Use(flow);
    }

    private void ReturnPort(Flow flow)
    {
        lock (_portsLock)
            _ports.Return(flow);
    }
}

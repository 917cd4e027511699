using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using Twins.Manager.Cluster;
using Twins.Manager.Nodes;
using Twins.Manager.Settings;
using Endpoint = Twins.Protocol.Endpoint;

namespace Twins.Manager.Host;

/// <summary>
/// The host's ends N:n of the legs. One of them carries as many connections as home has redirect ports; a
/// process gets one for its connections and room for new ones. Thread safe.
/// </summary>
internal sealed class HostPorts(TwinsdOptions options, NodeCluster identity)
{
    private readonly HashSet<Endpoint> _used = [];

    /// <summary>Picks legs for so many connections.</summary>
    /// <exception cref="NodeException">The redirect range is used up, or there is no way to home.</exception>
    public Task<IReadOnlyList<Endpoint>> TakeAsync(string processId, uint connections, string homeNodeAddress)
    {
        var home = IPEndPoint.Parse(homeNodeAddress).Address;
        var octets = ByteString.CopyFrom(home.GetAddressBytes());
        // Not home's own: what home sent there would come to home's own stack, which answers RST.
        if (NodeMap.AddressTowards(octets) is not { } address || address == octets)
        {
            throw new NodeException(
                identity.Name,
                "no-way-home",
                $"Node '{identity.Name}' has no address of its own from which it reaches {home}, the home of '{processId}'. Look at 'ip route get {home}' there, then try again.");
        }

        var range = options.LastRedirectPort - options.FirstRedirectPort + 1;
        var wanted = (int)(connections / range) + 1 + (connections % range > range / 2 ? 1 : 0);
        var legs = new List<Endpoint>();
        lock (_used)
        {
            for (var port = options.FirstRedirectPort; port <= options.LastRedirectPort && legs.Count < wanted; port++)
            {
                var leg = new Endpoint { Address = address, Port = (uint)port };
                if (!_used.Contains(leg) && IsFree(leg))
                    legs.Add(leg);
            }

            if (legs.Count < wanted)
            {
                throw new NodeException(
                    identity.Name,
                    "no-redirect-port",
                    $"Node '{identity.Name}' has no free redirect port ({options.FirstRedirectPort}-{options.LastRedirectPort}) for '{processId}'; widen the range there (firstRedirectPort, lastRedirectPort).");
            }

            _used.UnionWith(legs);
        }

        return Task.FromResult<IReadOnlyList<Endpoint>>(legs);
    }

    /// <summary>Legs of guests that were here before a restart.</summary>
    public void Use(IEnumerable<Endpoint> legs)
    {
        lock (_used)
            _used.UnionWith(legs);
    }

    public void Return(IEnumerable<Endpoint> legs)
    {
        lock (_used)
            _used.ExceptWith(legs);
    }

    private static bool IsFree(Endpoint leg)
    {
        var endpoint = new IPEndPoint(new IPAddress(leg.Address.Span), (int)leg.Port);
        using var probe = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            probe.Bind(endpoint);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

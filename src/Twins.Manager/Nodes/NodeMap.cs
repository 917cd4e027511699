using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using Twins.Diversion.Linux;
using Twins.Manager.Cluster;
using Twins.Protocol;

namespace Twins.Manager.Nodes;

/// <summary>The nodes by name: this one, called directly, and the others over their node API.</summary>
internal sealed class NodeMap(NodeCluster cluster, NodeConnections connections, IServiceProvider services)
{
    /// <summary>This node's name.</summary>
    public string Self => cluster.Name;

    /// <summary>Names of all known nodes, this one among them.</summary>
    public IReadOnlyList<string> Names => [.. cluster.Directory.Nodes.Select(n => n.Name).Append(cluster.Name).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The node with a name.</summary>
    /// <exception cref="NodeException">No node of that name is known.</exception>
    public INode Get(string name)
    {
        if (name == cluster.Name)
            return services.GetRequiredService<LocalNode>();
        return cluster.Directory.Find(name) is not null
            ? new RemoteNode(name, Client(name))
            : throw new NodeException(
                cluster.Name, "unknown-node", $"No node is named '{name}'. Known nodes: {string.Join(", ", Names)}. 'twins cluster join' adds one.");
    }

    /// <summary>The node with a name or an address.</summary>
    /// <param name="nameOrAddress">A node's name, or any address that it has.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="NodeException">No node is named so, or none that can be asked has the address.</exception>
    public async Task<INode> FindAsync(string nameOrAddress, CancellationToken cancellation)
    {
        if (Names.Contains(nameOrAddress) || !IPAddress.TryParse(nameOrAddress, out var address))
            return Get(nameOrAddress);
        foreach (var name in Names)
        {
            if (IPEndPoint.TryParse(AddressOf(name), out var api) && api.Address.Equals(address))
                return Get(name);
        }

        foreach (var name in Names)
        {
            try
            {
                if ((await Get(name).DescribeAsync(cancellation)).Addresses.Contains(ByteString.CopyFrom(address.GetAddressBytes())))
                    return Get(name);
            }
            catch (NodeException)
            {
                // One that can't be asked can't be prepared either.
            }
        }

        throw new NodeException(
            cluster.Name,
            "no-node-there",
            $"No node has the address {address}: the process would see that address instead of its peers', which only a twinsd there can restore. Start twinsd on that machine and let it join ('twins cluster token' here, 'twins cluster join' there), or name one of these nodes: {string.Join(", ", Names)}.");
    }

    /// <summary>host:port of a node's API; empty when it isn't known.</summary>
    public string AddressOf(string name) => cluster.Directory.Find(name)?.Address ?? "";

    /// <summary>The raw client of another node's API.</summary>
    public NodeApi.NodeApiClient Client(string name) => connections.Client(name);

    /// <summary>
    /// The address of this node from which packets towards another one leave, as the routing table says: the source
    /// of a leg must be an address of this machine that the other one can answer.
    /// </summary>
    /// <param name="target">Octets of the other node's address.</param>
    /// <returns>Null when the routing table has no way there.</returns>
    public static ByteString? AddressTowards(ByteString target)
    {
        NetworkNamespace.ComeBack();
        var address = new IPAddress(target.Span);
        using var probe = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            // Connecting a datagram socket sends nothing; it only chooses the source address.
            probe.Connect(address, 9);
            return ByteString.CopyFrom(((IPEndPoint)probe.LocalEndPoint!).Address.GetAddressBytes());
        }
        catch (SocketException)
        {
            return null;
        }
    }
}

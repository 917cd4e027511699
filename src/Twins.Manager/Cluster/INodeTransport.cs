using Microsoft.AspNetCore.Connections;
using Twins.Manager.Access;

namespace Twins.Manager.Cluster;

/// <summary>What connections between nodes go through: it keeps others out, and proves who is at the other end.</summary>
internal interface INodeTransport
{
    /// <summary>"https", or what else an address of a node begins with.</summary>
    string Scheme { get; }

    /// <summary>Puts it in front of an endpoint. The caller's verified certificate is then the connection's client certificate.</summary>
    void Accept(IConnectionBuilder endpoint, ListenerKind kind);

    /// <summary>Lets an HTTP client connect to that node, and to no other.</summary>
    /// <exception cref="ClusterException">This node is in no cluster.</exception>
    void Dial(SocketsHttpHandler client, string node);
}

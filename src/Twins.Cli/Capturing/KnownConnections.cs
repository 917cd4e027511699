using Grpc.Core;
using Twins.Capture;
using Twins.Packets;
using Twins.Protocol;
using Connection = Twins.Capture.Connection;
using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Cli.Capturing;

/// <summary>Fills a book of flows from what <c>twinsd</c> knows.</summary>
internal static class KnownConnections
{
    /// <summary>The endpoints of a process.</summary>
    public static void Add(FlowBook flows, ProcessInfo process)
    {
        foreach (EndpointInfo endpoint in process.Endpoints)
        {
            IpProtocol protocol = endpoint.Protocol == "udp" ? IpProtocol.Udp : IpProtocol.Tcp;
            if (!Endpoint.TryParse(endpoint.Local, out Endpoint local))
                continue;
            if (endpoint.Remote.Length == 0)
                flows.AddListener(process.Name, protocol, local);
            else if (Endpoint.TryParse(endpoint.Remote, out Endpoint remote))
                flows.AddIfNew(process.Name, new Connection(protocol, local, remote));
        }
    }

    /// <summary>What is redirected.</summary>
    public static void Add(FlowBook flows, KnownFlow known)
    {
        if (known.Flow?.Connection is { } connection
            && TwinSource.ToEndpoint(connection.Local) is { } local && TwinSource.ToEndpoint(connection.Peer) is { } peer)
        {
            flows.Add(known.Process, new Connection((IpProtocol)(int)connection.Transport, local, peer),
                TwinSource.ToEndpoint(known.Flow.HomeLeg), TwinSource.ToEndpoint(known.Flow.HostLeg));
        }
    }

    /// <summary>All processes that the node knows; nothing when it can't be asked just now.</summary>
    public static async Task RefreshAsync(CliEnvironment environment, Action<ProcessInfo> take, CancellationToken cancellation)
    {
        try
        {
            ListProcessesReply reply = await environment.Client().ListProcessesAsync(new ListProcessesRequest(), cancellationToken: cancellation);
            foreach (ProcessInfo process in reply.Processes)
                take(process);
        }
        catch (RpcException)
        {
            // It is tried again in a while; what twins do labels most packets anyway.
        }
    }
}

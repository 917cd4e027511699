using System.Net;
using System.Net.Sockets;
using Twins.Manager.Settings;

namespace Twins.Manager.Cluster;

/// <summary>
/// Refuses a start where the node API's ports are taken, before anything is changed: the server binds them last, and by then another
/// <c>twinsd</c>'s packet rules, which this one doesn't know, would be gone.
/// </summary>
internal static class NodePorts
{
    /// <summary>Looks at both ports.</summary>
    /// <exception cref="IOException">A port is taken, or the address is none of this node.</exception>
    public static void RequireFree(TwinsdOptions options)
    {
        RequireFree(options.Address, options.ApiPort);
        RequireFree(options.Address, options.JoinPort);
    }

    private static void RequireFree(string setting, int port)
    {
        // As the server binds it.
        var address = setting.Length > 0 ? IPAddress.Parse(setting) : Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        if (address.Equals(IPAddress.IPv6Any))
            socket.DualMode = true;
        try
        {
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen();
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new IOException($"TCP port {port} is taken: another twinsd runs in this network namespace, or another program has the port. End it, or set apiPort.", exception);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressNotAvailable)
        {
            throw new IOException($"{address} (setting address) is none of this node's addresses. Correct or remove it.", exception);
        }
    }
}

using System.Net;
using System.Net.Sockets;
using Twins.Packets;

namespace Twins.Worker;

/// <summary>
/// Sockets that are bound and do nothing, so that the kernel gives their ports to nobody else. Without SO_REUSEADDR, on
/// Windows with SO_EXCLUSIVEADDRUSE: then no other socket can have the address and port, whatever its options. Windows lets one
/// have the port on the wildcard address, where it gets nothing that is sent to this address. As long as the original has the
/// port, binding fails and is tried again for a while.
/// </summary>
internal sealed class PortPlaceholders : IDisposable
{
    private const long TryMilliseconds = 60_000;
    private readonly Dictionary<(IpProtocol Protocol, Packets.Endpoint Local), Socket?> _sockets = [];
    private long _giveUpAt;
    private bool _isSuspended;

    /// <summary>Ports that someone else still has and that are tried again.</summary>
    public int Waiting { get; private set; }

    /// <summary>Ports that should be taken and aren't.</summary>
    public int Missing => _isSuspended ? 0 : _sockets.Count(socket => socket.Value is null);

    /// <summary>From now on these and no others; while they are suspended, from the resumption on.</summary>
    public void Replace(IReadOnlySet<(IpProtocol Protocol, Packets.Endpoint Local)> ports, long nowMilliseconds)
    {
        foreach (var gone in _sockets.Keys.Where(port => !ports.Contains(port)).ToArray())
        {
            _sockets[gone]?.Dispose();
            _sockets.Remove(gone);
        }

        foreach (var port in ports)
            _sockets.TryAdd(port, null);
        if (_isSuspended)
            return;
        _giveUpAt = nowMilliseconds + TryMilliseconds;
        Waiting = Missing;
        TryAgain(nowMilliseconds);
    }

    /// <summary>Lets go of the ports for a while: the process may be about to come home and bind them itself.</summary>
    public void Suspend()
    {
        _isSuspended = true;
        foreach (var port in _sockets.Keys.ToArray())
        {
            _sockets[port]?.Dispose();
            _sockets[port] = null;
        }

        Waiting = 0;
    }

    /// <summary>Takes the ports again after <see cref="Suspend"/>.</summary>
    public void Resume(long nowMilliseconds)
    {
        _isSuspended = false;
        Replace(_sockets.Keys.ToHashSet(), nowMilliseconds);
    }

    /// <summary>Tries those again that were not free.</summary>
    public void TryAgain(long nowMilliseconds)
    {
        if (Waiting == 0)
            return;
        foreach (var port in _sockets.Where(socket => socket.Value is null).Select(socket => socket.Key).ToArray())
            _sockets[port] = Bind(port.Protocol, port.Local);
        Waiting = Missing;
        if (Waiting > 0 && nowMilliseconds >= _giveUpAt)
        {
            Log.Warning("reserve-given-up", $"ports={Waiting} first={_sockets.First(socket => socket.Value is null).Key.Local}");
            Waiting = 0;
        }
    }

    public void Dispose()
    {
        foreach (var socket in _sockets.Values)
            socket?.Dispose();
        _sockets.Clear();
        Waiting = 0;
    }

    private static Socket? Bind(IpProtocol protocol, Packets.Endpoint local)
    {
        var family = local.Address.IsIPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        var socket = protocol == IpProtocol.Tcp
            ? new Socket(family, SocketType.Stream, ProtocolType.Tcp)
            : new Socket(family, SocketType.Dgram, ProtocolType.Udp);
        if (TryBind(socket, new IPEndPoint(local.Address.ToIPAddress(), local.Port)))
            return socket;
        socket.Dispose();
        return null;
    }

    private static bool TryBind(Socket socket, IPEndPoint end)
    {
        if (!OperatingSystem.IsWindows())
        {
            // Socket.Bind would set SO_REUSEADDR first.
            var address = end.Serialize();
            return Linux.Native.Bind((int)socket.Handle, address.Buffer.Span, (uint)address.Size) == 0;
        }

        try
        {
            socket.ExclusiveAddressUse = true;
            socket.Bind(end);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

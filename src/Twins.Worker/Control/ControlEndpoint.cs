using System.Net.Sockets;
using Twins.Diversion;
using Twins.Diversion.Linux;

namespace Twins.Worker;

/// <summary>
/// The control port: a Unix socket that takes connections of the user who started the twin, and of root. Each is served,
/// beside the others: a newcomer costs nobody the connection. They are bounded in number; where there is no more room, the
/// oldest that hasn't given a good command yet makes way, and if all have, the newcomer is turned away.
/// </summary>
internal sealed class ControlEndpoint : IDisposable
{
    /// <summary>Connections at a time.</summary>
    public const int MaximumConnections = 16;

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _path;
    private readonly Action<ControlItem> _post;
    private readonly RefusalLog _refusals = new();
    private readonly List<ControlConnection> _connections = [];

    /// <exception cref="SocketException">The path can't be bound.</exception>
    public ControlEndpoint(string path, Action<ControlItem> post)
    {
        _path = path;
        _post = post;
        // A predecessor that was killed left its name behind.
        File.Delete(path);
        var mask = Native.SetFileModeMask(0b001_111_111);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _ = Native.SetFileModeMask(mask);
        _listener.Listen(16);
    }

    public void Start() => new Thread(Accept, 256 << 10) { IsBackground = true, Name = "control accept" }.Start();

    public void Dispose()
    {
        _listener.Dispose();
        File.Delete(_path);
    }

    private void Accept()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = _listener.Accept();
            }
            catch (SocketException exception)
            {
                Log.Warning("control-accept", $"error={exception.SocketErrorCode}");
                continue;
            }
            catch (ObjectDisposedException)
            {
                return;
            }

            Serve(socket);
        }
    }

    private void Serve(Socket socket)
    {
        if (Identify(socket) is not { } peer || !MakeRoom(peer))
        {
            socket.Dispose();
            return;
        }

        var connection = new ControlConnection(socket, peer, _post, _refusals);
        _connections.Add(connection);
        connection.Start();
    }

    private bool MakeRoom(UnixCredentials newcomer)
    {
        _connections.RemoveAll(connection => !connection.IsOpen);
        if (_connections.Count < MaximumConnections)
            return true;
        if (_connections.Find(connection => !connection.IsProven) is not { } silent)
        {
            _refusals.Tell(newcomer, $"{MaximumConnections} connections are served already");
            return false;
        }

        silent.Close("it said nothing, and another one came");
        _connections.Remove(silent);
        return true;
    }

    /// <summary>Who connected; null if it has no right to.</summary>
    private UnixCredentials? Identify(Socket socket)
    {
        try
        {
            var peer = UnixSockets.PeerOf(socket);
            if (peer.UserId == 0 || peer.UserId == Native.UserId())
                return peer;
            // By user, not by process: another user has any number of those.
            _refusals.Tell(peer with { ProcessId = 0 }, "only the user of this twin and root may connect");
        }
        catch (DiversionException exception)
        {
            _refusals.Tell(default, exception.Message);
        }

        return null;
    }
}

using System.Net.Sockets;
using Twins.Diversion;
using Twins.Diversion.Linux;

namespace Twins.Worker;

/// <summary>
/// The control port: a Unix socket that takes connections of the user who started the twin, and of root. The newest
/// connection is served, the one before is closed: twinsd comes again after its restart.
/// </summary>
internal sealed class ControlEndpoint : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _path;
    private readonly Action<ControlItem> _post;
    private readonly HashSet<uint> _refusedUsers = [];
    private ControlConnection? _current;

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

            if (!IsAllowed(socket))
            {
                socket.Dispose();
                continue;
            }

            _current?.Close("a newer connection is served");
            _current = new ControlConnection(socket, _post);
            _current.Start();
        }
    }

    private bool IsAllowed(Socket socket)
    {
        try
        {
            var peer = UnixSockets.PeerOf(socket);
            if (peer.UserId == 0 || peer.UserId == Native.UserId())
                return true;
            if (_refusedUsers.Count < 1000 && _refusedUsers.Add(peer.UserId))
                Log.Warning("control-refused", $"uid={peer.UserId} pid={peer.ProcessId}");
        }
        catch (DiversionException exception)
        {
            Log.Warning("control-refused", $"error=\"{exception.Message}\"");
        }

        return false;
    }
}

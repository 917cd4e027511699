using System.Globalization;
using System.Net.Sockets;
using Twins.Diversion;
using Twins.Diversion.Linux;

namespace Twins.Worker.Linux;

/// <summary>The control port as a Unix socket.</summary>
internal sealed class UnixControlEndpoint : ControlEndpoint
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _path;

    /// <exception cref="SocketException">The path can't be bound.</exception>
    public UnixControlEndpoint(string path, Action<ControlItem> post)
        : base(post)
    {
        _path = path;
        // A predecessor that was killed left its name behind.
        File.Delete(path);
        var mask = Native.SetFileModeMask(0b001_111_111);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _ = Native.SetFileModeMask(mask);
        _listener.Listen(16);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _listener.Dispose();
        File.Delete(_path);
    }

    /// <inheritdoc/>
    protected override ControlChannel? Accept()
    {
        while (true)
        {
            try
            {
                var socket = _listener.Accept();
                if (Identify(socket) is { } peer)
                    return new UnixControlChannel(socket, peer);
                socket.Dispose();
            }
            catch (SocketException exception)
            {
                Log.Warning("control-accept", $"error={exception.SocketErrorCode}");
            }
            catch (ObjectDisposedException)
            {
                return null;
            }
        }
    }

    /// <summary>Who connected; null if it has no right to.</summary>
    private ControlPeer? Identify(Socket socket)
    {
        try
        {
            var peer = UnixSockets.PeerOf(socket);
            var user = peer.UserId.ToString(CultureInfo.InvariantCulture);
            if (peer.UserId == 0 || peer.UserId == Native.UserId())
                return new ControlPeer(user, peer.ProcessId);
            // By user, not by process: another user has any number of those.
            Refusals.Tell(new ControlPeer(user, 0), "only the user of this twin and root may connect");
        }
        catch (DiversionException exception)
        {
            Refusals.Tell(default, exception.Message);
        }

        return null;
    }
}

using System.Threading.Channels;
using Twins.Manager.Access;

namespace Twins.Manager.Hooks;

/// <summary>
/// Takes what the hooks of this node's programs tell. Anybody may send: what is no message of the
/// protocol is counted, logged once per sender and otherwise ignored.
/// </summary>
internal sealed class HookListener : IDisposable
{
    /// <summary>Where hooks send to, unless told otherwise.</summary>
    public const string DefaultPath = "/run/twins/hook.sock";

    private const int KernelQueue = 4096;
    private const int EventQueue = 8192;

    private readonly RefusalLog _refusals;
    private readonly ILogger<HookListener> _logger;
    private readonly CredentialSocket _socket;
    private readonly Channel<HookEvent> _events;
    private readonly Thread _reader;
    private readonly string _path;
    private long _dropped;
    private long _refused;
    private volatile bool _ending;

    /// <summary>Binds the socket, readable and writable by everybody, and starts to read.</summary>
    /// <param name="path">Absolute path, at most 107 octets; its directory exists.</param>
    /// <param name="refusals">Where refused senders are told.</param>
    /// <param name="logger">Told when nothing more can be read.</param>
    /// <exception cref="System.Net.Sockets.SocketException">The path can't be bound.</exception>
    public HookListener(string path, RefusalLog refusals, ILogger<HookListener> logger)
    {
        _refusals = refusals;
        _logger = logger;
        _path = path;
        _events = Channel.CreateBounded<HookEvent>(
            new BoundedChannelOptions(EventQueue) { FullMode = BoundedChannelFullMode.DropOldest, SingleWriter = true },
            _ => Interlocked.Increment(ref _dropped));
        _socket = CredentialSocket.Bind(path, KernelQueue);
        _reader = new Thread(Read) { IsBackground = true, Name = "hook listener" };
        _reader.Start();
    }

    /// <summary>The events in the order of their arrival. When nobody reads, the oldest are dropped. Completes on disposal.</summary>
    public ChannelReader<HookEvent> Events => _events.Reader;

    /// <summary>Events dropped because nobody read them.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Datagrams that were no messages.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Stops reading and removes the socket's name.</summary>
    public void Dispose()
    {
        if (_ending)
            return;
        _ending = true;
        _socket.Shutdown();
        _reader.Join();
        _socket.Dispose();
        File.Delete(_path);
    }

    private void Read()
    {
        // One octet more than a message has: whatever is larger is refused without being looked at.
        Span<byte> buffer = stackalloc byte[HookMessage.Size + 1];
        try
        {
            while (!_ending)
            {
                var length = _socket.Receive(buffer, out var pid, out var uid);
                if (_ending)
                    break;
                if (length > 0 && pid > 0 && HookMessage.TryParse(buffer[..length], pid, out var hookEvent))
                    _events.Writer.TryWrite(hookEvent!);
                else
                    Refuse(pid, uid);
            }

            _events.Writer.Complete();
        }
        catch (Exception exception)
        {
            Log.ListenerFailed(_logger, exception, _path);
            _events.Writer.Complete(exception);
        }
    }

    private void Refuse(int pid, uint uid)
    {
        Interlocked.Increment(ref _refused);
        _refusals.Tell(RefusalKind.HookMessage, $"Process {pid} of user {uid}", "a datagram to the hook socket: it is no hook message");
    }
}

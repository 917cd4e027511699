using System.Threading.Channels;
using Twins.Manager.Access;
using Twins.Manager.Hooks.Linux;
using Twins.Manager.Hooks.Windows;

namespace Twins.Manager.Hooks;

/// <summary>
/// Takes what the hooks of this node's programs tell, and on Windows what the driver does (<see cref="SocketWatch"/>). Anybody may
/// send: what is no message of the protocol is counted, logged once per sender and otherwise ignored.
/// </summary>
internal sealed class HookListener : IDisposable
{
    private const int EventQueue = 8192;

    private readonly RefusalLog _refusals;
    private readonly ILogger<HookListener> _logger;
    private readonly IHookTransport _transport;
    private readonly Channel<HookEvent> _events;
    private readonly string _path;
    private long _dropped;
    private long _refused;

    /// <summary>Makes the socket or the pipe, which everybody on this machine may write to, and starts to read.</summary>
    /// <param name="path">
    /// Linux: absolute path of a socket, at most 107 octets; its directory exists. Windows: name of a pipe, beginning with \\.\pipe\.
    /// </param>
    /// <param name="refusals">Where refused senders are told.</param>
    /// <param name="logger">Told when nothing more can be read.</param>
    /// <exception cref="System.Net.Sockets.SocketException">Linux: the path can't be bound.</exception>
    /// <exception cref="IOException">Windows: the pipe can't be made.</exception>
    public HookListener(string path, RefusalLog refusals, ILogger<HookListener> logger)
    {
        _refusals = refusals;
        _logger = logger;
        _path = path;
        _events = Channel.CreateBounded<HookEvent>(
            new BoundedChannelOptions(EventQueue) { FullMode = BoundedChannelFullMode.DropOldest },
            _ => Interlocked.Increment(ref _dropped));
        _transport = OperatingSystem.IsWindows() ? new HookPipe(path) : new HookSocket(path);
        _transport.Start(Take, End);
    }

    /// <summary>The events, in the order of their arrival for each process. When nobody reads, the oldest are dropped. Completes on disposal.</summary>
    public ChannelReader<HookEvent> Events => _events.Reader;

    /// <summary>Events dropped because nobody read them.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Datagrams, or messages through the pipe, that were no messages of the protocol.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Windows: connections that were ended, being silent for longest, when too many were there.</summary>
    public long Displaced => _transport.Displaced;

    /// <summary>Adds what somebody else than a hook has seen.</summary>
    public void Tell(HookEvent seen) => _events.Writer.TryWrite(seen);

    /// <summary>Stops reading and removes the name of the socket or pipe.</summary>
    public void Dispose() => _transport.Dispose();

    private bool Take(ReadOnlySpan<byte> octets, HookSender sender)
    {
        if (sender.Pid > 0 && HookMessage.TryParse(octets, sender.Pid, out var hookEvent))
        {
            Tell(hookEvent!);
            return true;
        }

        Interlocked.Increment(ref _refused);
        _refusals.Tell(RefusalKind.HookMessage, sender.ToString(), $"{_transport.MessageName}: it is no hook message");
        return false;
    }

    private void End(Exception? failure)
    {
        if (failure is not null)
            Log.ListenerFailed(_logger, failure, _path);
        _events.Writer.Complete(failure);
    }
}

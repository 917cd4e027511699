namespace Twins.Manager.Hooks.Linux;

/// <summary>Hooks' messages as datagrams to a Unix socket that everybody may send to. The kernel says who sent each.</summary>
internal sealed class HookSocket : IHookTransport
{
    private const int KernelQueue = 4096;

    private readonly string _path;
    private readonly CredentialSocket _socket;
    private Thread? _reader;
    private volatile bool _ending;

    /// <param name="path">Absolute path, at most 107 octets; its directory exists.</param>
    /// <exception cref="System.Net.Sockets.SocketException">The path can't be bound.</exception>
    public HookSocket(string path)
    {
        _path = path;
        _socket = CredentialSocket.Bind(path, KernelQueue);
    }

    /// <inheritdoc/>
    public string MessageName => "a datagram to the hook socket";

    /// <summary>None: datagrams need no connection.</summary>
    public long Displaced => 0;

    /// <inheritdoc/>
    public void Start(HookReceiver receive, Action<Exception?> ended)
    {
        _reader = new Thread(() => Read(receive, ended)) { IsBackground = true, Name = "hook listener" };
        _reader.Start();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ending)
            return;
        _ending = true;
        _socket.Shutdown();
        _reader?.Join();
        _socket.Dispose();
        File.Delete(_path);
    }

    private void Read(HookReceiver receive, Action<Exception?> ended)
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
                receive(buffer[..Math.Max(length, 0)], new HookSender(pid, uid));
            }

            ended(null);
        }
        catch (Exception exception)
        {
            ended(exception);
        }
    }
}

using Google.Protobuf;
using Twins.Protocol;

namespace Twins.Worker;

/// <summary>
/// One connection to the control endpoint: a thread that reads, a thread that writes. Requests go to the data thread in order;
/// what is to be sent never makes it wait. It is proven by its first command that was carried out: from then on it is told
/// of events.
/// </summary>
internal sealed class ControlConnection
{
    private const int MaximumWaitingMessages = 100_000;
    private readonly ControlChannel _channel;
    private readonly Action<ControlItem> _post;
    private readonly RefusalLog _refusals;
    private readonly Queue<TwinMessage> _outgoing = new();
    private int _closed;
    private volatile bool _proven;

    public ControlConnection(ControlChannel channel, Action<ControlItem> post, RefusalLog refusals)
    {
        _channel = channel;
        _post = post;
        _refusals = refusals;
    }

    /// <summary>Whether it can still be sent to.</summary>
    public bool IsOpen => Volatile.Read(ref _closed) == 0;

    /// <summary>Whether it has given a command that was carried out. Set by the data thread.</summary>
    public bool IsProven
    {
        get => _proven;
        set => _proven = value;
    }

    /// <summary>Messages that wait to be sent.</summary>
    public int Waiting
    {
        get
        {
            lock (_outgoing)
                return _outgoing.Count;
        }
    }

    public void Start()
    {
        new Thread(Read, 256 << 10) { IsBackground = true, Name = "control read" }.Start();
        new Thread(Write, 256 << 10) { IsBackground = true, Name = "control write" }.Start();
    }

    /// <summary>Sends later, on another thread. A reader that lets a hundred thousand messages wait is cut off.</summary>
    public void Send(TwinMessage message)
    {
        if (!IsOpen)
            return;
        lock (_outgoing)
        {
            if (_outgoing.Count < MaximumWaitingMessages)
            {
                _outgoing.Enqueue(message);
                Monitor.Pulse(_outgoing);
                return;
            }
        }

        Close("it doesn't read");
    }

    /// <summary>Says of a command that it wasn't carried out.</summary>
    public void Refused(TwinRequest request, TwinReply reply) => _refusals.Tell(_channel.Peer, request, reply);

    public void Close(string reason) => Close(reason, isRefusal: !IsProven);

    private void Close(string reason, bool isRefusal)
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0)
            return;
        if (isRefusal)
            _refusals.Tell(_channel.Peer, reason);
        else
            Log.Information("control-closed", $"pid={_channel.Peer.ProcessId} reason=\"{reason}\"");
        _channel.Shutdown();
        lock (_outgoing)
            Monitor.Pulse(_outgoing);
    }

    private void Read()
    {
        var frames = new FrameReader();
        try
        {
            while (_channel.Read(frames.Free) is var count and > 0)
            {
                frames.Advance(count);
                // Only HOST comes with a descriptor, so the first that waits is its.
                while (frames.TryRead(out var request))
                    _post(new ControlItem(this, request, request.CommandCase == TwinRequest.CommandOneofCase.Host ? _channel.TakeDescriptor() : null));
            }

            Close("end of stream");
        }
        catch (InvalidDataException exception)
        {
            Close(exception.Message, isRefusal: true);
        }
        catch (IOException exception)
        {
            Close(exception.Message);
        }
        finally
        {
            _channel.Dispose();
        }
    }

    private TwinMessage? Next()
    {
        lock (_outgoing)
        {
            while (IsOpen && _outgoing.Count == 0)
                Monitor.Wait(_outgoing);
            return IsOpen ? _outgoing.Dequeue() : null;
        }
    }

    private void Write()
    {
        try
        {
            using var buffer = new MemoryStream();
            while (Next() is { } message)
            {
                buffer.SetLength(0);
                message.WriteDelimitedTo(buffer);
                _channel.Write(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
            }
        }
        catch (IOException)
        {
            Close("the other end is gone");
        }
    }
}

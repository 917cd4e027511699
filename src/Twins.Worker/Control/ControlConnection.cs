using System.Net.Sockets;
using Google.Protobuf;
using Twins.Diversion;
using Twins.Diversion.Linux;
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
    private readonly Socket _socket;
    private readonly UnixCredentials _peer;
    private readonly Action<ControlItem> _post;
    private readonly RefusalLog _refusals;
    private readonly Queue<TwinMessage> _outgoing = new();
    private int _closed;
    private volatile bool _proven;

    public ControlConnection(Socket socket, UnixCredentials peer, Action<ControlItem> post, RefusalLog refusals)
    {
        _socket = socket;
        _peer = peer;
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
    public void Refused(TwinRequest request, TwinReply reply) => _refusals.Tell(_peer, request, reply);

    public void Close(string reason) => Close(reason, isRefusal: !IsProven);

    private void Close(string reason, bool isRefusal)
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0)
            return;
        if (isRefusal)
            _refusals.Tell(_peer, reason);
        else
            Log.Information("control-closed", $"pid={_peer.ProcessId} reason=\"{reason}\"");
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The other end was first.
        }

        lock (_outgoing)
            Monitor.Pulse(_outgoing);
    }

    private void Read()
    {
        var frames = new FrameReader();
        var descriptors = new List<FileDescriptor>();
        try
        {
            while (true)
            {
                var count = UnixSockets.Receive(_socket, frames.Free, descriptors);
                if (count == 0)
                    break;
                if (descriptors.Count > UnixSockets.MaximumDescriptors)
                    throw new InvalidDataException("descriptors that no message asks for");
                frames.Advance(count);
                while (frames.TryRead(out var request))
                    _post(new ControlItem(this, request, TakeDescriptor(request, descriptors)));
            }

            Close("end of stream");
        }
        catch (InvalidDataException exception)
        {
            Close(exception.Message, isRefusal: true);
        }
        catch (Exception exception) when (exception is DiversionException or SocketException or ObjectDisposedException)
        {
            Close(exception.Message);
        }
        finally
        {
            descriptors.ForEach(descriptor => descriptor.Dispose());
            _socket.Dispose();
        }
    }

    // Only HOST comes with a descriptor, so the first that waits is its.
    private static FileDescriptor? TakeDescriptor(TwinRequest request, List<FileDescriptor> descriptors)
    {
        if (request.CommandCase != TwinRequest.CommandOneofCase.Host || descriptors.Count == 0)
            return null;
        var descriptor = descriptors[0];
        descriptors.RemoveAt(0);
        return descriptor;
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
            using var stream = new NetworkStream(_socket, ownsSocket: false);
            using var buffer = new MemoryStream();
            while (Next() is { } message)
            {
                buffer.SetLength(0);
                message.WriteDelimitedTo(buffer);
                stream.Write(buffer.GetBuffer(), 0, (int)buffer.Length);
            }
        }
        catch (Exception exception) when (exception is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            Close("the other end is gone");
        }
    }
}

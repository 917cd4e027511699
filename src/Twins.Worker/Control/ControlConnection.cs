using System.Net.Sockets;
using Google.Protobuf;
using Twins.Diversion;
using Twins.Diversion.Linux;
using Twins.Protocol;

namespace Twins.Worker;

/// <summary>
/// One twinsd at the control endpoint: a thread that reads, a thread that writes. Requests go to the data thread in order;
/// what is to be sent never makes it wait.
/// </summary>
internal sealed class ControlConnection
{
    private const int MaximumWaitingMessages = 100_000;
    private readonly Socket _socket;
    private readonly Action<ControlItem> _post;
    private readonly Queue<TwinMessage> _outgoing = new();
    private int _closed;

    public ControlConnection(Socket socket, Action<ControlItem> post)
    {
        _socket = socket;
        _post = post;
    }

    /// <summary>Whether it can still be sent to.</summary>
    public bool IsOpen => Volatile.Read(ref _closed) == 0;

    public void Start()
    {
        _post(new ControlItem(this, null, null));
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

    public void Close(string reason)
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0)
            return;
        Log.Information("control-closed", $"reason=\"{reason}\"");
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
        catch (Exception exception) when (exception is InvalidDataException or DiversionException or SocketException or ObjectDisposedException)
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

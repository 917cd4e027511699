using System.Collections.Concurrent;
using System.Net.Sockets;
using Google.Protobuf;
using Twins.Protocol;

namespace Twins.Manager.Pool;

/// <summary>
/// The connection to a twin's control endpoint: requests are answered in any order and matched by id,
/// events arrive between them. Thread safe. Once <see cref="Closed"/> has completed it is of no use any more.
/// </summary>
internal sealed class TwinControl : IAsyncDisposable
{
    private const int MaximumMessageBytes = 4 << 20;
    private static readonly TimeSpan ReplyTime = TimeSpan.FromSeconds(10);

    private readonly TwinWorkers _workers;
    private readonly Stream _stream;
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<TwinReply>> _waiting = new();
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Action<TwinEvent> _onEvent;
    private readonly Action<SeenPackets>? _onPackets;
    private ulong _lastId;

    private TwinControl(TwinWorkers workers, Stream stream, Action<TwinEvent> onEvent, Action<SeenPackets>? onPackets)
    {
        _workers = workers;
        _stream = stream;
        _onEvent = onEvent;
        _onPackets = onPackets;
        _ = Task.Run(ReceiveAsync);
    }

    /// <summary>Completes when the twin has closed the connection, by its death or otherwise. Never faults.</summary>
    public Task Closed => _closed.Task;

    /// <summary>Connects to the control endpoint at a path.</summary>
    /// <param name="workers">Whose it is.</param>
    /// <param name="path">The endpoint's.</param>
    /// <param name="isComing">Asked while nobody listens there: whether to try again.</param>
    /// <param name="onEvent">Called for each event, one at a time.</param>
    /// <param name="cancellation">Ends the attempts.</param>
    /// <param name="onPackets">Called for what a WATCH asked for, one message at a time.</param>
    /// <exception cref="IOException">Nobody listens there.</exception>
    public static async Task<TwinControl> ConnectAsync(
        TwinWorkers workers, string path, Func<bool> isComing, Action<TwinEvent> onEvent, CancellationToken cancellation, Action<SeenPackets>? onPackets = null)
    {
        while (true)
        {
            try
            {
                return new TwinControl(workers, await workers.ConnectAsync(path, cancellation), onEvent, onPackets);
            }
            catch (IOException) when (isComing())
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), cancellation);
            }
        }
    }

    /// <summary>Sends a request and waits for its answer.</summary>
    /// <exception cref="TwinException">The twin refused, didn't answer in time, or is gone.</exception>
    public async Task<TwinReply> SendAsync(TwinRequest request, int fileDescriptor = -1, CancellationToken cancellation = default)
    {
        request.Id = Interlocked.Increment(ref _lastId);
        var answered = new TaskCompletionSource<TwinReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting[request.Id] = answered;
        try
        {
            if (_closed.Task.IsCompleted)
                throw TwinException.Gone(request);
            await WriteAsync(request, fileDescriptor, cancellation);
            var reply = await answered.Task.WaitAsync(ReplyTime, cancellation);
            return reply.Error == TwinError.TwinOk ? reply : throw TwinException.Refused(request, reply);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            throw TwinException.Gone(request, e);
        }
        catch (TimeoutException e)
        {
            throw TwinException.Silent(request, ReplyTime, e);
        }
        finally
        {
            _waiting.TryRemove(request.Id, out _);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // Not the semaphore: who waits for it would wait for ever.
        await _stream.DisposeAsync();
        await Closed;
    }

    // Once begun, a write goes on to its end, whether its caller waits or not: half a message would cost all requests their connection.
    private async Task WriteAsync(TwinRequest request, int fileDescriptor, CancellationToken cancellation)
    {
        var message = new MemoryStream();
        request.WriteDelimitedTo(message);
        if (!await _sending.WaitAsync(ReplyTime, cancellation))
            throw new TimeoutException();
        await WriteInTurnAsync(message.GetBuffer().AsMemory(0, (int)message.Length), fileDescriptor).WaitAsync(ReplyTime, cancellation);
    }

    private async Task WriteInTurnAsync(ReadOnlyMemory<byte> message, int fileDescriptor)
    {
        try
        {
            await _workers.WriteAsync(_stream, message, fileDescriptor);
        }
        finally
        {
            _sending.Release();
        }
    }

    private async Task ReceiveAsync()
    {
        try
        {
            var reader = new DelimitedReader(new BufferedStream(_stream, 64 << 10), MaximumMessageBytes);
            while (await reader.ReadAsync() is { } bytes)
            {
                var message = TwinMessage.Parser.ParseFrom(bytes.Span);
                if (message.Reply is { } reply && _waiting.TryGetValue(reply.Id, out var waiting))
                    waiting.TrySetResult(reply);
                else if (message.Event is { } twinEvent)
                    _onEvent(twinEvent);
                else if (message.Packets is { } packets)
                    _onPackets?.Invoke(packets);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidProtocolBufferException)
        {
            // A twin that dies and a twin that talks nonsense are the same to us: not usable.
        }

        await _stream.DisposeAsync();
        _closed.TrySetResult();
        foreach (var waiting in _waiting.Values)
            waiting.TrySetException(new IOException("The twin closed its control connection."));
    }
}

using System.Collections.Concurrent;
using System.Net.Sockets;
using Google.Protobuf;
using Twins.Diversion.Linux;
using Twins.Protocol;

namespace Twins.Worker.Tests;

/// <summary>Drives a twin as twinsd does.</summary>
internal sealed class TwinClient : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly ConcurrentQueue<TwinReply> _replies = new();
    private ulong _id;

    public TwinClient(string path)
    {
        Eventually.Holds(() => TryConnect(path), $"twin listens at {path}");
        new Thread(Read) { IsBackground = true }.Start();
    }

    public ConcurrentQueue<TwinEvent> Events { get; } = new();

    /// <summary>What a WATCH has brought.</summary>
    public ConcurrentQueue<SeenPackets> Packets { get; } = new();

    public volatile bool IsClosed;

    /// <summary>Sends a command and waits for its reply.</summary>
    public TwinReply Ask(string process, ulong epoch, Action<TwinRequest> command, FileDescriptor? descriptor = null)
    {
        var request = new TwinRequest { Id = ++_id, ProcessId = process, Epoch = epoch };
        command(request);
        using var buffer = new MemoryStream();
        request.WriteDelimitedTo(buffer);
        var octets = buffer.ToArray();
        for (var sent = 0; sent < octets.Length;)
            sent += UnixSockets.Send(_socket, octets.AsSpan(sent), sent == 0 && descriptor is not null ? [descriptor.Number] : []);
        TwinReply? reply = null;
        Eventually.Holds(() => _replies.TryDequeue(out reply), $"a reply to {request.CommandCase}");
        Assert.AreEqual(request.Id, reply!.Id);
        return reply;
    }

    /// <summary>Sends a command that must be carried out.</summary>
    public TwinReply Do(string process, ulong epoch, Action<TwinRequest> command, FileDescriptor? descriptor = null)
    {
        var reply = Ask(process, epoch, command, descriptor);
        Assert.AreEqual(TwinError.TwinOk, reply.Error, reply.Message);
        return reply;
    }

    public TwinProcessStatus Status(string process) =>
        Do(process, 0, request => request.Status = new Status()).Status.Processes.Single();

    public TwinEvent NextEvent(string what)
    {
        TwinEvent? next = null;
        Eventually.Holds(() => Events.TryDequeue(out next), what);
        return next!;
    }

    public bool HasReply => !_replies.IsEmpty;

    public void SendRaw(byte[] octets) => _socket.Send(octets);

    /// <summary>Sends no more.</summary>
    public void ShutDown() => _socket.Shutdown(SocketShutdown.Send);

    public void Dispose() => _socket.Dispose();

    private bool TryConnect(string path)
    {
        try
        {
            _socket.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void Read()
    {
        try
        {
            using var stream = new NetworkStream(_socket);
            while (true)
            {
                var message = TwinMessage.Parser.ParseDelimitedFrom(stream);
                if (message is null)
                    break;
                if (message.Reply is not null)
                    _replies.Enqueue(message.Reply);
                else if (message.Packets is not null)
                    Packets.Enqueue(message.Packets);
                else
                    Events.Enqueue(message.Event);
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or InvalidProtocolBufferException)
        {
            // Closed.
        }

        IsClosed = true;
    }
}

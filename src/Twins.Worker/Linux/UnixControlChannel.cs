using System.Net.Sockets;
using Twins.Diversion;
using Twins.Diversion.Linux;

namespace Twins.Worker.Linux;

/// <summary>A connection to the Unix socket; descriptors come beside its octets (SCM_RIGHTS).</summary>
internal sealed class UnixControlChannel(Socket socket, ControlPeer peer) : ControlChannel(peer)
{
    private readonly List<FileDescriptor> _descriptors = [];

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int count;
        try
        {
            count = UnixSockets.Receive(socket, buffer, _descriptors);
        }
        catch (Exception exception) when (exception is DiversionException or SocketException or ObjectDisposedException)
        {
            throw new IOException(exception.Message, exception);
        }

        return _descriptors.Count <= UnixSockets.MaximumDescriptors ? count : throw new InvalidDataException("descriptors that no message asks for");
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> octets)
    {
        try
        {
            while (octets.Length > 0)
                octets = octets[socket.Send(octets)..];
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            throw new IOException(exception.Message, exception);
        }
    }

    /// <inheritdoc/>
    public override FileDescriptor? TakeDescriptor()
    {
        if (_descriptors.Count == 0)
            return null;
        var descriptor = _descriptors[0];
        _descriptors.RemoveAt(0);
        return descriptor;
    }

    /// <inheritdoc/>
    public override void Shutdown()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The other end was first.
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _descriptors.ForEach(descriptor => descriptor.Dispose());
        socket.Dispose();
    }
}

using System.IO.Pipes;

namespace Twins.Worker.Windows;

/// <summary>A connection to the pipe.</summary>
internal sealed class PipeControlChannel(NamedPipeServerStream pipe, ControlPeer peer) : ControlChannel(peer)
{
    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        try
        {
            return pipe.Read(buffer);
        }
        catch (Exception exception) when (exception is ObjectDisposedException or OperationCanceledException or InvalidOperationException)
        {
            throw new IOException(exception.Message, exception);
        }
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> octets)
    {
        try
        {
            pipe.Write(octets);
        }
        catch (Exception exception) when (exception is ObjectDisposedException or OperationCanceledException or InvalidOperationException)
        {
            throw new IOException(exception.Message, exception);
        }
    }

    /// <inheritdoc/>
    public override void Shutdown() => pipe.Dispose();

    /// <inheritdoc/>
    public override void Dispose() => pipe.Dispose();
}

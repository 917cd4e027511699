using Twins.Diversion.Linux;

namespace Twins.Worker;

/// <summary>A control connection as a stream of octets. One thread may read while another writes.</summary>
internal abstract class ControlChannel(ControlPeer peer) : IDisposable
{
    public ControlPeer Peer => peer;

    /// <summary>Waits for octets.</summary>
    /// <returns>Their number; 0 at the end of the stream.</returns>
    /// <exception cref="InvalidDataException">Something came that no message asks for.</exception>
    /// <exception cref="IOException">The other end is gone, or <see cref="Shutdown"/>.</exception>
    public abstract int Read(Span<byte> buffer);

    /// <exception cref="IOException">The other end is gone, or <see cref="Shutdown"/>.</exception>
    public abstract void Write(ReadOnlySpan<byte> octets);

    /// <summary>The next descriptor that has come with a message; null if there is none.</summary>
    public virtual FileDescriptor? TakeDescriptor() => null;

    /// <summary>Ends it for both sides: whoever reads or writes stops waiting. On any thread.</summary>
    public abstract void Shutdown();

    public abstract void Dispose();
}

using Microsoft.Win32.SafeHandles;

namespace Twins.Manager.Checkpoint;

/// <summary>A TCP socket of another process, reached through a duplicate of its descriptor.</summary>
/// <param name="Socket">The duplicate; valid during the call that gets it.</param>
/// <param name="Pid">A process that has it.</param>
/// <param name="Number">The descriptor's number there.</param>
/// <param name="State">As the kernel numbers states (include/net/tcp_states.h).</param>
/// <param name="IsIPv6">Its own family; it may carry IPv4 all the same.</param>
/// <param name="Inode">Which socket it is.</param>
internal readonly record struct TcpDescriptor(SafeFileHandle Socket, int Pid, int Number, int State, bool IsIPv6, ulong Inode)
{
    private const int Close = 7;
    private const int CloseWait = 8;
    private const int LastAcknowledgment = 9;
    private const int Listen = 10;
    private const int Closing = 11;

    /// <summary>Whether it belongs to a connection: it neither listens nor is closed.</summary>
    public bool IsConnected => State is > 0 and not Close and not Listen;

    /// <summary>Whether the peer has sent its end, and the connection isn't over.</summary>
    public bool HasPeersEnd => State is CloseWait or LastAcknowledgment or Closing;
}

using Twins.Packets;
using Twins.Redirection;

namespace Twins.Worker;

/// <summary>
/// The frozen sockets of a process, which answer their peers when the hold lasts, or holds much. A socket that has been heard
/// from again (at the destination, over a leg that is open) answers no more: it speaks for itself. For the data thread.
/// </summary>
/// <param name="answerAt">From when on they answer (<see cref="Environment.TickCount64"/>).</param>
/// <param name="answerAtBytes">Or from how much on that the twin holds (<see cref="HoldQueue.ChargedBytes"/>).</param>
internal sealed class FrozenSockets(long answerAt, long answerAtBytes)
{
    private readonly Dictionary<FiveTuple, (FrozenSocket Socket, FlowCounters? Spoken, long SpokenBefore)> _sockets = [];

    /// <summary>Adds a socket.</summary>
    /// <param name="connection">Its connection.</param>
    /// <param name="socket">What it would say.</param>
    /// <param name="spoken">Counts what comes for it over its leg, if it has one.</param>
    public void Add(in ConnectionKey connection, FrozenSocket socket, FlowCounters? spoken) =>
        _sockets[connection.Inbound] = (socket, spoken, spoken?.Packets ?? 0);

    /// <summary>The socket that is to answer a segment; null if none is.</summary>
    public FrozenSocket? Find(in FiveTuple inbound, in PacketView packet, long now, long heldBytes) =>
        (now >= answerAt || heldBytes >= answerAtBytes)
        && _sockets.TryGetValue(inbound, out var frozen)
        && frozen.Spoken?.Packets.Equals(frozen.SpokenBefore) != false
        && frozen.Socket.IsAskedBy(packet.Tcp)
            ? frozen.Socket
            : null;
}

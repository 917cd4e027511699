using System.Collections.Frozen;
using Twins.Packets;

namespace Twins.Diversion.Windows.Tests;

/// <summary>What targets single out, said anew, to compare filters with.</summary>
internal sealed class TargetSet(IEnumerable<DivertTarget> targets)
{
    private readonly FrozenSet<DivertTarget> _targets = targets.ToFrozenSet();

    /// <summary>Whether an incoming packet is diverted. In the order of the Linux rules (RuleText).</summary>
    public bool Diverts(in PacketView packet)
    {
        // An error belongs to the flow that it quotes: the twin knows whether there is one.
        if (!packet.HasPorts)
            return packet.IsIcmp && packet.Fragment == FragmentPosition.Whole && packet.Icmp.IsError;
        var tuple = packet.Tuple;
        var opens = packet.IsTcp && (packet.Tcp.Flags & (TcpFlags.Syn | TcpFlags.Ack)) == TcpFlags.Syn;
        if (!opens && _targets.Contains(DivertTarget.Lingering(tuple.Protocol, tuple.Destination, tuple.Source)))
            return false;
        return _targets.Contains(DivertTarget.Connection(tuple.Protocol, tuple.Destination, tuple.Source))
            || _targets.Contains(DivertTarget.LegSource(tuple.Protocol, tuple.Source))
            || _targets.Contains(DivertTarget.LegDestination(tuple.Protocol, tuple.Destination))
            || _targets.Contains(DivertTarget.Listener(tuple.Protocol, tuple.Destination))
            || (opens && _targets.Contains(DivertTarget.NewConnections(tuple.Destination)));
    }
}

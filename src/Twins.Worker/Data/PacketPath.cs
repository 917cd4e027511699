using Twins.Diversion;
using Twins.Packets;
using Twins.Redirection;
using Seen = Twins.Protocol.SeenPacket.Types.Verdict;

namespace Twins.Worker;

/// <summary>Carries out the decision about each packet. For the data thread; nothing here allocates for a packet of a known flow.</summary>
internal abstract class PacketPath(TwinState state, PacketOutput output)
{
    protected TwinState State => state;

    protected PacketOutput Output => output;

    /// <summary>Works through a batch, from its first packet to its completion.</summary>
    public void Work(IDiverter diverter, int count)
    {
        var now = Environment.TickCount64;
        for (var i = 0; i < count; i++)
        {
            if (FromNetwork(diverter[i], now))
                diverter.Accept(i);
        }

        // The packets lie in the diverter's buffers: they go out before those are used again.
        output.Flush();
        diverter.Complete();
    }

    /// <summary>Whether a packet about which nothing is known goes on to the local stack.</summary>
    protected abstract bool MayPass(in FiveTuple tuple);

    /// <summary>Sends a packet that was rewritten, its checksum in the state in which it came.</summary>
    protected virtual void Send(Side egress, in PacketView packet, in DivertedPacket diverted, long now)
    {
        if (diverted.Checksum == ChecksumState.Partial)
            packet.FinishChecksum();
        output.SendInPlace(egress, packet);
    }

    protected void Keep(in Verdict verdict, in PacketView packet, Side arrival, ChecksumState checksum)
    {
        if (verdict.Kind == VerdictKind.Drop || verdict.Kind == VerdictKind.Pass)
        {
            // What a cabin sends is its process's, whether it belongs to a flow or not.
            var slot = verdict.Process < 0 && arrival.IsCabin ? arrival.CabinIndex : verdict.Process;
            var reason = verdict.Kind == VerdictKind.Drop ? verdict.Reason : DropReason.NotCarried;
            state.Drop(slot, reason);
            if (state.Watches.AreWatching)
                state.Watches.Tell(state.Find(slot), Seen.Dropped, packet, arrival, state.Table, reason);
            if (verdict.Reason == DropReason.StillLingering)
                state.EndLingering(verdict.Process, packet.Tuple);
            return;
        }

        if (checksum == ChecksumState.Partial)
            packet.FinishChecksum();
        if (verdict.Kind == VerdictKind.RequestFlow)
            state.Request(verdict.Process, packet.Tuple, arrival, packet.Bytes);
        else
            state.Hold(verdict.Process, packet.Tuple, packet.Bytes);
    }

    protected void Count(int slot, int bytes)
    {
        if (state.Find(slot) is not { } process)
            return;
        process.RedirectedPackets++;
        process.RedirectedBytes += bytes;
    }

    // Whether it goes on untouched.
    private bool FromNetwork(in DivertedPacket diverted, long now)
    {
        if (diverted.IsTruncated || !PacketView.TryParse(diverted.Bytes, out var packet, out _))
        {
            state.Drop(-1, DropReason.Malformed);
            if (state.Watches.AreWatching)
                state.Watches.TellMalformed(process: null, diverted.Bytes, Side.Network);
            return false;
        }

        var verdict = Decision.Decide(packet, Side.Network, state.Table);
        switch (verdict.Kind)
        {
            case VerdictKind.Pass:
                // An error about something else than our flows harms nobody: the local stack answers none (RFC 1122, 3.2.2).
                var passes = !packet.HasPorts || MayPass(packet.Tuple);
                if (!passes)
                    state.Drop(-1, DropReason.UnknownFlow);
                if (state.Watches.AreWatching)
                    state.Watches.Tell(null, passes ? Seen.Passed : Seen.Dropped, packet, Side.Network, state.Table, passes ? DropReason.None : DropReason.UnknownFlow);
                return passes;
            case VerdictKind.Rewrite or VerdictKind.RewriteQuoted:
                if (state.Watches.AreWatching)
                    state.Watches.Tell(state.Find(verdict.Process), Seen.Rewritten, packet, verdict.Route!, state.Table);
                verdict.Apply(packet, diverted.Checksum, now);
                Count(verdict.Process, packet.Length);
                Send(verdict.Route!.Egress, packet, diverted, now);
                return false;
            default:
                Keep(verdict, packet, Side.Network, diverted.Checksum);
                return false;
        }
    }
}

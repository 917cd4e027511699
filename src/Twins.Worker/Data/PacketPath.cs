using System.Runtime.InteropServices;
using Twins.Diversion;
using Twins.Diversion.Linux;
using Twins.Packets;
using Twins.Redirection;

namespace Twins.Worker;

/// <summary>Carries out the decision about each packet. For the data thread; nothing here allocates for a packet of a known flow.</summary>
internal sealed class PacketPath(TwinState state, PacketOutput output)
{
    private const int PacketsPerTurn = 256;

    // What the receiving stack learns of it is how often to acknowledge.
    private const int AnySegmentPayloadBytes = 1400;
    private readonly byte[] _segment = GC.AllocateUninitializedArray<byte>(0x10000, pinned: true);

    /// <summary>Works through what was diverted, up to a bound so that commands get their turn.</summary>
    public void Pump(IDiverter diverter)
    {
        var now = Environment.TickCount64;
        for (var done = 0; done < PacketsPerTurn;)
        {
            var count = diverter.Receive();
            if (count == 0)
                return;
            for (var i = 0; i < count; i++)
            {
                if (FromNetwork(diverter[i], now))
                    diverter.Accept(i);
            }

            // The packets lie in the diverter's buffers: they go out before those are used again.
            output.Flush();
            diverter.Complete();
            done += count;
        }
    }

    /// <summary>Works through what a cabin sends, up to a bound.</summary>
    public void Pump(MobileProcess process, Tun tun)
    {
        var now = Environment.TickCount64;
        for (var done = 0; done < PacketsPerTurn && tun.TryRead(out var packet); done++)
            FromCabin(process, packet, now);
        output.Flush();
    }

    // Whether it goes on untouched.
    private bool FromNetwork(in DivertedPacket diverted, long now)
    {
        if (diverted.IsTruncated || !PacketView.TryParse(diverted.Bytes, out var packet, out _))
        {
            state.Drop(-1, DropReason.Malformed);
            return false;
        }

        var verdict = Decision.Decide(packet, Side.Network, state.Table);
        switch (verdict.Kind)
        {
            case VerdictKind.Pass:
                // An error about something else than our flows harms nobody: the local stack answers none (RFC 1122, 3.2.2).
                if (!packet.HasPorts || state.MayPass(packet.Tuple))
                    return true;
                state.Drop(-1, DropReason.UnknownFlow);
                return false;
            case VerdictKind.Rewrite or VerdictKind.RewriteQuoted:
                verdict.Apply(packet, diverted.Checksum, now);
                Count(verdict.Process, packet.Length);
                Send(verdict.Route!.Egress, packet, diverted, now);
                return false;
            default:
                Keep(verdict, packet, Side.Network, diverted.Checksum);
                return false;
        }
    }

    private void Send(Side egress, in PacketView packet, in DivertedPacket diverted, long now)
    {
        // The stack in the cabin takes a packet as it is. To the network it can't go whole, as nobody told the size of its segments:
        // that is why the queue has no offload while there is a way there (TwinState.EndsInCabins).
        if (egress.IsCabin && diverted.IsSuperpacket && output.TrySendSuperpacket(egress, packet, AnySegmentPayloadBytes, now))
            return;
        if (diverted.Checksum == ChecksumState.Partial && egress.IsCabin && packet.IsTcp)
        {
            output.SendPartial(egress, packet);
            return;
        }

        if (diverted.Checksum == ChecksumState.Partial)
            packet.FinishChecksum();
        output.SendInPlace(egress, packet);
    }

    private void FromCabin(MobileProcess process, in TunPacket read, long now)
    {
        if (!PacketView.TryParse(read.Bytes, out var packet, out _))
        {
            state.Drop(process.Slot, DropReason.Malformed);
            return;
        }

        // The kernel of the cabin speaks IPv6 of its own accord (router solicitations, listener reports): nobody's connection.
        if (!packet.HasPorts && !packet.IsIPv4)
            return;
        var arrival = Side.Cabin(process.Slot);
        var verdict = Decision.Decide(packet, arrival, state.Table);
        if (verdict.Kind is not (VerdictKind.Rewrite or VerdictKind.RewriteQuoted))
        {
            if (process.IsStopped && verdict.Kind == VerdictKind.Drop)
                state.Drop(process.Slot, DropReason.HostStopped);
            else
                Keep(verdict, packet, arrival, read.Checksum);
            return;
        }

        verdict.Apply(packet, read.Checksum, now);
        var egress = verdict.Route!.Egress;
        if (read.SegmentPayloadBytes == 0)
        {
            if (read.Checksum == ChecksumState.Partial)
                packet.FinishChecksum();
            Count(verdict.Process, packet.Length);
            output.Send(egress, packet.Bytes);
            return;
        }

        if (output.TrySendSuperpacket(egress, packet, read.SegmentPayloadBytes, now))
        {
            Count(verdict.Process, packet.Length);
            return;
        }

        if (!TcpSegmenter.TryCreate(packet, read.SegmentPayloadBytes, out var segmenter))
        {
            state.Drop(process.Slot, DropReason.Malformed);
            return;
        }

        while (segmenter.TryNext(_segment, out var length))
        {
            Count(verdict.Process, length);
            output.Send(egress, _segment.AsSpan(0, length));
        }
    }

    /// <summary>
    /// Tells the senders of packets that were too large for the way out. The errors are about the leg that they couldn't take; they are
    /// decided about like those that a router on the leg sends.
    /// </summary>
    public void ReportTooLarge()
    {
        while (output.TooLargeErrors.TryTake(out var error))
        {
            if (!PacketView.TryParse(error, out var packet, out _))
                continue;
            var verdict = Decision.Decide(packet, Side.Network, state.Table);
            if (verdict.Kind != VerdictKind.RewriteQuoted)
                continue;
            verdict.Apply(packet, ChecksumState.Complete, Environment.TickCount64);
            output.Send(verdict.Route!.Egress, packet.Bytes);
        }

        output.Flush();
    }

    private void Keep(in Verdict verdict, in PacketView packet, Side arrival, ChecksumState checksum)
    {
        if (verdict.Kind == VerdictKind.Drop || verdict.Kind == VerdictKind.Pass)
        {
            // What a cabin sends is its process's, whether it belongs to a flow or not.
            var slot = verdict.Process < 0 && arrival.IsCabin ? arrival.CabinIndex : verdict.Process;
            state.Drop(slot, verdict.Kind == VerdictKind.Drop ? verdict.Reason : DropReason.NotCarried);
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

    private void Count(int slot, int bytes)
    {
        if (state.Find(slot) is not { } process)
            return;
        process.RedirectedPackets++;
        process.RedirectedBytes += bytes;
    }
}

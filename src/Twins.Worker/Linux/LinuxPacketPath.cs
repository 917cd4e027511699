using Twins.Diversion;
using Twins.Diversion.Linux;
using Twins.Packets;
using Twins.Redirection;
using Seen = Twins.Protocol.SeenPacket.Types.Verdict;

namespace Twins.Worker.Linux;

/// <summary>Adds the cabins, and superpackets, to the path of a packet.</summary>
internal sealed class LinuxPacketPath(TwinState state, LinuxPacketOutput output) : PacketPath(state, output)
{
    private const int PacketsPerTurn = 256;

    // What the receiving stack learns of it is how often to acknowledge.
    private const int AnySegmentPayloadBytes = 1400;
    private readonly byte[] _segment = GC.AllocateUninitializedArray<byte>(0x10000, pinned: true);
    private readonly LinuxPacketOutput _output = output;

    /// <summary>Works through what was diverted, up to a bound so that commands get their turn.</summary>
    public void Pump(IDiverter diverter)
    {
        for (var done = 0; done < PacketsPerTurn;)
        {
            var count = diverter.Receive();
            if (count == 0)
                return;
            Work(diverter, count);
            done += count;
        }
    }

    /// <summary>Works through what a cabin sends, up to a bound.</summary>
    public void Pump(MobileProcess process, Tun tun)
    {
        var now = Environment.TickCount64;
        for (var done = 0; done < PacketsPerTurn && tun.TryRead(out var packet); done++)
            FromCabin(process, packet, now);
        _output.Flush();
    }

    /// <summary>
    /// Tells the senders of packets that were too large for the way out. The errors are about the leg that they couldn't take; they are
    /// decided about like those that a router on the leg sends.
    /// </summary>
    public void ReportTooLarge()
    {
        while (_output.TooLargeErrors.TryTake(out var error))
        {
            if (!PacketView.TryParse(error, out var packet, out _))
                continue;
            var verdict = Decision.Decide(packet, Side.Network, State.Table);
            if (verdict.Kind != VerdictKind.RewriteQuoted)
                continue;
            verdict.Apply(packet, ChecksumState.Complete, Environment.TickCount64);
            _output.Send(verdict.Route!.Egress, packet.Bytes);
        }

        _output.Flush();
    }

    /// <inheritdoc/>
    protected override bool MayPass(in FiveTuple tuple) => State.MayPass(tuple);

    /// <inheritdoc/>
    protected override void Send(Side egress, in PacketView packet, in DivertedPacket diverted, long now)
    {
        // The stack in the cabin takes a packet as it is. To the network it can't go whole, as nobody told the size of its segments:
        // that is why the queue has no offload while there is a way there (TwinState.EndsInCabins).
        if (egress.IsCabin && diverted.IsSuperpacket && _output.TrySendSuperpacket(egress, packet, AnySegmentPayloadBytes, now))
            return;
        if (diverted.Checksum == ChecksumState.Partial && egress.IsCabin && packet.IsTcp)
            _output.SendPartial(egress, packet);
        else
            base.Send(egress, packet, diverted, now);
    }

    private void FromCabin(MobileProcess process, in TunPacket read, long now)
    {
        if (!PacketView.TryParse(read.Bytes, out var packet, out _))
        {
            State.Drop(process.Slot, DropReason.Malformed);
            if (State.Watches.AreWatching)
                State.Watches.TellMalformed(process, read.Bytes, Side.Cabin(process.Slot));
            return;
        }

        // The kernel of the cabin speaks IPv6 of its own accord (router solicitations, listener reports): nobody's connection.
        if (!packet.HasPorts && !packet.IsIPv4)
            return;
        var arrival = Side.Cabin(process.Slot);
        var verdict = Decision.Decide(packet, arrival, State.Table);
        if (verdict.Kind is not (VerdictKind.Rewrite or VerdictKind.RewriteQuoted))
        {
            if (process.IsStopped && verdict.Kind == VerdictKind.Drop)
            {
                State.Drop(process.Slot, DropReason.HostStopped);
                if (State.Watches.AreWatching)
                    State.Watches.Tell(process, Seen.Dropped, packet, arrival, State.Table, DropReason.HostStopped);
                return;
            }

            Keep(verdict, packet, arrival, read.Checksum);
            return;
        }

        if (State.Watches.AreWatching)
            State.Watches.Tell(State.Find(verdict.Process), Seen.Rewritten, packet, verdict.Route!, State.Table);
        verdict.Apply(packet, read.Checksum, now);
        var egress = verdict.Route!.Egress;
        if (read.SegmentPayloadBytes == 0)
        {
            if (read.Checksum == ChecksumState.Partial)
                packet.FinishChecksum();
            Count(verdict.Process, packet.Length);
            _output.Send(egress, packet.Bytes);
            return;
        }

        if (_output.TrySendSuperpacket(egress, packet, read.SegmentPayloadBytes, now))
        {
            Count(verdict.Process, packet.Length);
            return;
        }

        if (!TcpSegmenter.TryCreate(packet, read.SegmentPayloadBytes, out var segmenter))
        {
            State.Drop(process.Slot, DropReason.Malformed);
            return;
        }

        while (segmenter.TryNext(_segment, out var length))
        {
            Count(verdict.Process, length);
            _output.Send(egress, _segment.AsSpan(0, length));
        }
    }
}

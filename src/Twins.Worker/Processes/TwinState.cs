using Google.Protobuf.Collections;
using Twins.Diversion.Linux;
using Twins.Packets;
using Twins.Protocol;
using Twins.Redirection;
using Verdict = Twins.Protocol.SeenPacket.Types.Verdict;

namespace Twins.Worker;

/// <summary>All that a twin knows and holds. For the data thread.</summary>
/// <param name="options">What the twin was started with.</param>
/// <param name="output">The ways out.</param>
/// <param name="readUntaken">How many packets the system has dropped because they weren't taken in time.</param>
/// <param name="report">Told of events.</param>
internal sealed partial class TwinState(TwinOptions options, PacketOutput output, Func<long> readUntaken, Action<TwinEvent> report)
{
    private const int MaximumPending = 4096;
    private const long PendingMilliseconds = 30_000;
    private const long ReleasedMemoryMilliseconds = 5000;
    private const long ClosedMemoryMilliseconds = 600_000;
    private const int MaximumClosedMemory = 65_536;
    private readonly Dictionary<string, MobileProcess> _processes = [];
    private readonly Dictionary<int, MobileProcess> _slots = [];
    private readonly byte[] _scratch = GC.AllocateUninitializedArray<byte>(0x11000, pinned: true);
    private readonly long[] _drops = new long[Enum.GetValues<DropReason>().Length];
    private readonly List<(PassingSet Passing, long Until)> _released = [];
    private int _pending;

    /// <summary>What the packet path decides by.</summary>
    public FlowTable Table { get; set; } = FlowTable.Empty;

    public HoldQueue Held { get; } = new(options.HoldLimitBytes);

    /// <summary>Who is told what becomes of each packet.</summary>
    public PacketWatches Watches { get; } = new();

    public Dictionary<string, MobileProcess>.ValueCollection Processes => _processes.Values;

    /// <summary>Whether all that is diverted goes into cabins, whose stacks take superpackets of any segment size.</summary>
    public bool EndsInCabins => _processes.Count > 0 && _processes.Values.All(process => process.IsHosted && process.GuestSide.IsCabin);

    public MobileProcess? Find(string id) => _processes.GetValueOrDefault(id);

    public MobileProcess? Find(int slot) => _slots.GetValueOrDefault(slot);

    public MobileProcess FindOrAdd(string id)
    {
        if (_processes.TryGetValue(id, out var process))
            return process;
        var slot = 0;
        while (_slots.ContainsKey(slot))
            slot++;
        process = new MobileProcess(id, slot);
        _processes.Add(id, process);
        _slots.Add(slot, process);
        return process;
    }

    public void SetTun(MobileProcess process, FileDescriptor descriptor)
    {
        var tun = new Tun(descriptor);
        process.Tun?.Dispose();
        process.Tun = tun;
        output.SetCabin(process.Slot, process.Tun);
    }

    /// <summary>What a process left behind goes on in its cabin.</summary>
    public void MoveTun(MobileProcess from, MobileProcess to)
    {
        output.SetCabin(from.Slot, null);
        (from.Tun, to.Tun) = (null, from.Tun);
        output.SetCabin(to.Slot, to.Tun);
    }

    /// <summary>The TUN device is gone: the cabin was removed.</summary>
    public void CloseCabin(MobileProcess process)
    {
        if (process.Tun is null)
            return;
        output.SetCabin(process.Slot, null);
        process.Tun.Dispose();
        process.Tun = null;
    }

    public void Drop(int slot, DropReason reason)
    {
        if (slot >= 0 && _slots.TryGetValue(slot, out var process))
            process.Drop(reason);
        else
            _drops[(int)reason]++;
    }

    /// <summary>Keeps a copy of a packet with complete checksums, or drops and counts it. A frozen socket may answer it.</summary>
    public void Hold(int slot, in FiveTuple tuple, Span<byte> packet)
    {
        if (!_slots.TryGetValue(slot, out var process))
        {
            _drops[(int)DropReason.Forgotten]++;
            return;
        }

        if (process.Frozen is { } frozen)
            Answer(process, frozen, tuple, packet);
        else
            Keep(process, tuple, packet);
    }

    private bool Keep(MobileProcess process, in FiveTuple tuple, Span<byte> packet)
    {
        while (!Held.TryAdd(process.Slot, tuple, 0, packet))
        {
            if (!Held.TryMakeRoom(process.Slot, packet.Length, out var other))
            {
                process.Drop(DropReason.HoldFull);
                Tell(process, Verdict.Dropped, packet, DropReason.HoldFull);
                return false;
            }

            Drop(other, DropReason.HoldFull);
        }

        process.HeldPacketsTotal++;
        process.HeldBytesTotal += packet.Length;
        Tell(process, Verdict.Held, packet);
        return true;
    }

    private void Answer(MobileProcess process, FrozenSockets frozen, in FiveTuple tuple, Span<byte> octets)
    {
        var now = Environment.TickCount64;
        if (!PacketView.TryParse(octets, out var packet, out _) || !packet.IsTcp
            || frozen.Find(tuple, packet, now, Held.ChargedBytes) is not { } socket)
        {
            Keep(process, tuple, octets);
            return;
        }

        // At the release whatever is held makes the socket say how much it takes; without it the peer would wait for its next
        // probe. One probe is enough for that.
        if (Held.HeldPacketsOf(tuple) > 0 && socket.IsProbe(packet.Tcp))
        {
            process.Drop(DropReason.ProbeAnswered);
            Tell(process, Verdict.Dropped, octets, DropReason.ProbeAnswered);
        }
        else if (!Keep(process, tuple, octets) && Held.HeldPacketsOf(tuple) == 0)
        {
            return;
        }

        Span<byte> answer = stackalloc byte[Redirection.FrozenSocket.LongestAnswerBytes];
        if (socket.WriteAnswer(packet.Tcp, now, answer) is > 0 and var length)
        {
            process.ZeroWindows++;
            Tell(process, Verdict.Answered, answer[..length]);
            output.SendToNetwork(answer[..length]);
        }
    }

    /// <summary>Holds a packet that opens a connection, and asks for its flow once.</summary>
    public void Request(int slot, in FiveTuple tuple, Side arrival, Span<byte> packet)
    {
        if (!_slots.TryGetValue(slot, out var process) || _pending >= MaximumPending)
        {
            Drop(slot, DropReason.HoldFull);
            if (process is not null)
                Tell(process, Verdict.Dropped, packet, DropReason.HoldFull);
            return;
        }

        var fromCabin = arrival.IsCabin;
        var connection = fromCabin ? ConnectionKey.OfOutbound(tuple) : ConnectionKey.OfInbound(tuple);
        var pending = new PendingFlow(fromCabin ? FlowRequested.Types.Origin.Cabin : FlowRequested.Types.Origin.Peer, Environment.TickCount64);
        process.Pending[connection] = pending;
        _pending++;
        Table = Table.With(tuple, Route.Hold(arrival, slot));
        Hold(slot, tuple, packet);
        Report(process, connection, pending, report);
    }

    /// <summary>Decides anew about all that is held for the process, in order of arrival.</summary>
    public void SendHeld(MobileProcess process)
    {
        for (var left = Held.HeldPacketsOf(process.Slot); left > 0 && Held.TryTake(process.Slot, out var packet); left--)
            SendHeld(process, packet);
        output.Flush();
    }

    /// <summary>Decides anew about what is held of one flow, in order of arrival.</summary>
    public void SendHeld(MobileProcess process, in FiveTuple tuple)
    {
        for (var left = Held.HeldPacketsOf(tuple); left > 0 && Held.TryTake(tuple, out var packet); left--)
            SendHeld(process, packet);
        output.Flush();
    }

    /// <summary>Gives what is held to the local stack, in order; from now on the process's packets pass.</summary>
    public void Release(MobileProcess process)
    {
        while (Held.TryTake(process.Slot, out var packet))
        {
            Tell(process, Verdict.Released, packet.Bytes);
            output.SendToNetwork(packet.Bytes);
        }

        output.Flush();
        process.Passing.Add(process.Held.Concat(process.Flows.Keys).Concat(process.Pending.Keys), process.Listeners);
        Clear(process);
        process.Role = TwinProcessStatus.Types.Role.Released;
        process.Placeholders.Dispose();
    }

    public void Forget(MobileProcess process)
    {
        while (Held.TryTake(process.Slot, out var packet))
        {
            _drops[(int)DropReason.Forgotten]++;
            Tell(process, Verdict.Dropped, packet.Bytes, DropReason.Forgotten);
        }

        // What the kernel diverted before the rules went may still be in the queue.
        if (!process.Passing.IsEmpty)
            _released.Add((process.Passing, Environment.TickCount64 + ReleasedMemoryMilliseconds));
        Clear(process);
        // Told as the twin's own from now on.
        process.AddDropsTo(_drops);
        process.Placeholders.Dispose();
        CloseCabin(process);
        _processes.Remove(process.Id);
        _slots.Remove(process.Slot);
    }

    /// <summary>The flow is there: it is waited for no longer.</summary>
    public void Answered(MobileProcess process, in ConnectionKey connection)
    {
        if (process.Pending.Remove(connection))
            _pending--;
    }

    /// <summary>
    /// What was asked for in an earlier epoch is not waited for any more: its packets are decided about anew, with the others
    /// that are held, and ask again.
    /// </summary>
    public void WithdrawQuestions(MobileProcess process, FlowTableBuilder builder)
    {
        foreach (var connection in process.Pending.Keys)
            builder.Remove(process.IsHosted ? connection.Outbound : connection.Inbound);
        _pending -= process.Pending.Count;
        process.Pending.Clear();
    }

    /// <summary>The flow can't be had: what is held of it is dropped.</summary>
    public void Refuse(MobileProcess process, in ConnectionKey connection)
    {
        if (!process.Pending.Remove(connection))
            return;
        _pending--;
        var tuple = process.IsHosted ? connection.Outbound : connection.Inbound;
        while (Held.TryTake(tuple, out var packet))
        {
            process.Drop(DropReason.FlowRefused);
            Tell(process, Verdict.Dropped, packet.Bytes, DropReason.FlowRefused);
        }

        Table = Table.Without(tuple);
    }

    /// <summary>Whether a packet that no rule of the table covers may go to the local stack. Anything else that was diverted may not: it would answer RST.</summary>
    public bool MayPass(in FiveTuple tuple)
    {
        if (Table.FindListener(tuple.Protocol, tuple.Destination) is { State: ListenerState.HoldNewOnly } || Table.FindRoute(tuple) is { State: RouteState.Pass })
            return true;
        foreach (var process in _processes.Values)
        {
            if (process.Passing.Contains(tuple))
                return true;
        }

        foreach (var (passing, _) in _released)
        {
            if (passing.Contains(tuple))
                return true;
        }

        return false;
    }

    private void SendHeld(MobileProcess process, in HeldPacket held)
    {
        // A copy, because holding it again may reuse the place that it lies in.
        held.Bytes.CopyTo(_scratch);
        var arrival = process.IsHosted ? process.GuestSide : Side.Network;
        if (!PacketView.TryParse(_scratch.AsSpan(0, held.Bytes.Length), out var packet, out var fault))
        {
            Drop(process.Slot, Decision.Decide(fault).Reason);
            return;
        }

        var verdict = Decision.Decide(packet, arrival, Table);
        switch (verdict.Kind)
        {
            case VerdictKind.Rewrite or VerdictKind.RewriteQuoted:
                if (Watches.AreWatching)
                    Watches.Tell(process, Verdict.Released, packet, verdict.Route!, Table);
                verdict.Apply(packet, ChecksumState.Complete, Environment.TickCount64);
                process.RedirectedPackets++;
                process.RedirectedBytes += packet.Length;
                output.Send(verdict.Route!.Egress, packet.Bytes);
                break;
            case VerdictKind.Hold:
                Hold(verdict.Process, packet.Tuple, packet.Bytes);
                break;
            case VerdictKind.RequestFlow:
                Request(verdict.Process, packet.Tuple, arrival, packet.Bytes);
                break;
            default:
                var reason = verdict.Kind == VerdictKind.Drop ? verdict.Reason : DropReason.UnknownFlow;
                Drop(process.Slot, reason);
                Tell(process, Verdict.Dropped, packet.Bytes, reason);
                break;
        }
    }

    /// <summary>Tells whoever watches of a packet that was kept, or isn't any more.</summary>
    private void Tell(MobileProcess process, Verdict verdict, Span<byte> octets, DropReason reason = DropReason.None)
    {
        if (Watches.AreWatching && PacketView.TryParse(octets, out var packet, out _))
            Watches.Tell(process, verdict, packet, process.IsHosted ? Side.Cabin(process.Slot) : Side.Network, Table, reason);
    }

    private void Clear(MobileProcess process)
    {
        var builder = Table.ToBuilder().RemoveProcess(process.Slot);
        foreach (var flow in process.OpenLegs.Flows)
            builder.Remove(flow.Leg);
        foreach (var leg in process.HostLegs)
            builder.Remove(new Leg(IpProtocol.Tcp, leg)).Remove(new Leg(IpProtocol.Udp, leg));
        Table = builder.Build();
        _pending -= process.Pending.Count;
        process.Pending.Clear();
        process.Held.Clear();
        process.Listeners.Clear();
        process.Flows.Clear();
        process.OpenLegs.Clear();
        process.HostLegs.Clear();
        process.Lingering.Clear();
        process.Lifetimes.Clear();
        process.Frozen = null;
        process.Closed.Clear();
    }
}

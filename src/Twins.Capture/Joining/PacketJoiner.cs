using Twins.Packets;

namespace Twins.Capture;

/// <summary>
/// Puts frames of interfaces and records of twins together: what is the same packet, on either side of a rewrite, becomes one line.
/// Lines come in the order of time, a little later than the packets. Not thread safe.
/// </summary>
/// <remarks>
/// <code>
/// 1 a record takes the frames of the packet as it came and as it left: same tuple and TCP numbers, or overlapping data, because
///   the kernel and the twin put segments together and take them apart
/// 2 a frame that no record wants by the end of the patience goes to one that has such a frame already
/// 3 otherwise it is a line of its own: what no twin had its hands on
/// </code>
/// </remarks>
/// <param name="flows">Whose packets are whose.</param>
/// <param name="patience">How long a packet waits for its other side.</param>
/// <param name="keepsPayload">Whether frames stay whole; otherwise they are cut where their data begin, at once.</param>
/// <param name="tell">Told of each line.</param>
public sealed class PacketJoiner(FlowBook flows, TimeSpan patience, bool keepsPayload, Action<PacketLine> tell)
{
    private const int MostWaiting = 100_000;
    private const long SeenAgainNanoseconds = 10_000_000;
    private readonly long _patience = patience.Ticks * 100;
    private readonly PriorityQueue<Entry, (long, long)> _waiting = new();
    private readonly Dictionary<FiveTuple, List<Entry>> _frames = [];
    private readonly Dictionary<FiveTuple, List<Entry>> _records = [];
    private readonly TcpWatcher _tcp = new();
    private long _number;

    /// <summary>Adds what an interface saw.</summary>
    public void Add(CapturedFrame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        var headers = PacketDecoder.Decode(frame.Interface.LinkType, frame.Octets, out var facts);
        // A copy: the rest of the array would keep the data in memory.
        var kept = keepsPayload ? frame : frame with { Octets = frame.Octets[..headers].ToArray() };
        var entry = new Entry(frame.Nanoseconds, facts) { Frames = [kept] };
        if (facts is not null && !TryGive(entry, facts, taken: false))
            ListOf(_frames, facts.Tuple).Add(entry);
        if (!entry.IsTaken)
            Wait(entry);
    }

    /// <summary>Adds what a twin did.</summary>
    public void Add(TwinRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        var headers = PacketDecoder.Decode(CaptureInterface.RawIp, record.Octets, out var facts);
        if (!keepsPayload && headers < record.Octets.Length)
            record = record with { Octets = record.Octets[..headers].ToArray() };
        var entry = new Entry(record.Nanoseconds, facts) { Record = record };
        Wait(entry);
        if (facts is null)
            return;
        // What was held came earlier: its frame belongs to the line that says so.
        if (record.Verdict is not TwinVerdict.Released)
        {
            ListOf(_records, facts.Tuple).Add(entry);
            Take(entry, facts, departure: false);
        }

        if (entry.Departure(facts) is { } departure)
        {
            ListOf(_records, departure.Tuple).Add(entry);
            Take(entry, departure, departure: true);
        }

        flows.Learn(record, facts);
    }

    /// <summary>Tells of what has waited long enough.</summary>
    public void Advance(long nowNanoseconds)
    {
        while (_waiting.TryPeek(out var entry, out _) && (entry.Nanoseconds + _patience <= nowNanoseconds || _waiting.Count > MostWaiting))
            Finish(_waiting.Dequeue());
    }

    /// <summary>Tells of all that is left.</summary>
    public void Finish()
    {
        while (_waiting.TryDequeue(out var entry, out _))
            Finish(entry);
    }

    private void Wait(Entry entry) => _waiting.Enqueue(entry, (entry.Nanoseconds, _number++));

    private static List<Entry> ListOf(Dictionary<FiveTuple, List<Entry>> lists, in FiveTuple tuple)
    {
        if (!lists.TryGetValue(tuple, out var list))
            lists[tuple] = list = [];
        return list;
    }

    private void Take(Entry record, PacketFacts side, bool departure)
    {
        if (!_frames.TryGetValue(side.Tuple, out var frames))
            return;
        for (var i = 0; i < frames.Count; i++)
        {
            if (!IsSame(frames[i].Facts!, side, departure))
                continue;
            record.Give(frames[i], departure);
            frames.RemoveAt(i--);
            // One as it came; as it left there may be several, cut.
            if (!departure)
                break;
        }

        if (frames.Count == 0)
            _frames.Remove(side.Tuple);
    }

    // taken: whether a record that has such a frame may get another.
    private bool TryGive(Entry frame, PacketFacts facts, bool taken)
    {
        if (!_records.TryGetValue(facts.Tuple, out var records))
            return false;
        foreach (var record in records)
        {
            var arrival = record.Facts!;
            if (record.Record!.Verdict != TwinVerdict.Released && arrival.Tuple == facts.Tuple && (taken || !record.HasArrival) && IsSame(facts, arrival, departure: false))
            {
                record.Give(frame, departure: false);
                return true;
            }

            if (record.Departure(arrival) is { } departure && departure.Tuple == facts.Tuple && (taken || !record.HasDeparture) && IsSame(facts, departure, departure: true))
            {
                record.Give(frame, departure: true);
                return true;
            }
        }

        return false;
    }

    private static bool IsSame(PacketFacts frame, PacketFacts side, bool departure)
    {
        if (frame.Protocol != side.Protocol || frame.Quoted is null != side.Quoted is null)
            return false;
        if (!frame.IsTcp)
            return frame.Length == side.Length && frame.Icmp == side.Icmp && (departure || frame.Identification == side.Identification);
        const TcpFlags Counted = TcpFlags.Syn | TcpFlags.Rst;
        if ((frame.Flags & Counted) != (side.Flags & Counted))
            return false;
        if (frame.SequenceLength == 0 || side.SequenceLength == 0)
            return frame.SequenceLength == side.SequenceLength && frame.Sequence == side.Sequence && frame.Acknowledgment == side.Acknowledgment && frame.Window == side.Window;
        return frame.Sequence < side.Sequence + side.SequenceLength && side.Sequence < frame.Sequence + frame.SequenceLength;
    }

    private void Finish(Entry entry)
    {
        if (entry.IsTaken)
            return;
        if (entry.Record is not null)
        {
            Forget(_records, entry.Facts?.Tuple, entry);
            if (entry.Facts is { } arrival)
                Forget(_records, entry.Departure(arrival)?.Tuple, entry);
            Tell(entry);
            return;
        }

        Forget(_frames, entry.Facts?.Tuple, entry);
        if (entry.Facts is null || !TryGive(entry, entry.Facts, taken: true))
            Tell(entry);
    }

    private static void Forget(Dictionary<FiveTuple, List<Entry>> lists, FiveTuple? tuple, Entry entry)
    {
        if (tuple is { } key && lists.TryGetValue(key, out var list) && list.Remove(entry) && list.Count == 0)
            lists.Remove(key);
    }

    private void Tell(Entry entry)
    {
        var (facts, record) = (entry.Facts, entry.Record);
        var label = facts is null ? null : record is null ? flows.Find(facts) : flows.Find(record, facts);
        if (label is null && record is { Process.Length: > 0 })
            label = new PacketLabel(record.Process, null, record.Leg, ToProcess: true);
        var line = new PacketLine
        {
            // A clock was read earlier at the interface than at the twin.
            Nanoseconds = entry.HasArrival && entry.Frames.Count > 0 ? Math.Min(entry.Nanoseconds, entry.Frames[0].Nanoseconds) : entry.Nanoseconds,
            Facts = facts,
            Label = label,
            Verdict = record?.Verdict ?? TwinVerdict.None,
            Reason = record?.Reason ?? "",
            NextLeg = record?.NextLeg ?? PathLeg.Unknown,
            Rewritten = facts is not null && record is { Source: { } source, Destination: { } destination } ? new FiveTuple(facts.Protocol, source, destination) : null,
            Length = record?.Length ?? facts?.Length ?? entry.Frames[0].Length,
            Frames = record is null || entry.HasArrival ? entry.Frames : [OfTwin(record), .. entry.Frames],
        };
        if (facts is { IsTcp: true })
        {
            // Across a move the connection's own tuple stays the same.
            var key = record is not null && label?.Connection is { } connection
                ? label.ToProcess ? new FiveTuple(connection.Protocol, connection.Peer, connection.Local) : new FiveTuple(connection.Protocol, connection.Local, connection.Peer)
                : facts.Tuple;
            if (record is null && _tcp.IsSeenAgain(key, facts, line.Nanoseconds, SeenAgainNanoseconds))
            {
                tell(line with { IsSeenAgain = true });
                return;
            }

            line = line with { Marks = record?.Verdict is TwinVerdict.Released ? TcpMarks.None : _tcp.Watch(key, facts, line.Nanoseconds) };
            if (facts.Has(TcpFlags.Rst))
                line = line with { ResetBy = WhoResets(line) };
        }

        tell(line);
    }

    private ResetSender WhoResets(PacketLine line)
    {
        if (line.Label is not { } label)
            return ResetSender.Unknown;
        if (label.ToProcess)
            return ResetSender.Peer;
        if (line.Verdict != TwinVerdict.None)
            return ResetSender.Process;
        return label.Connection is { } connection && label.Leg == PathLeg.PeerHome && flows.IsRedirected(connection) ? ResetSender.HomeStack : ResetSender.Process;
    }

    private static CapturedFrame OfTwin(TwinRecord record) => new(
        new CaptureInterface(CaptureInterface.TwinName, CaptureInterface.RawIp, 0), record.Nanoseconds, record.Octets, record.Length);

    private sealed class Entry(long nanoseconds, PacketFacts? facts)
    {
        public long Nanoseconds { get; } = nanoseconds;

        public PacketFacts? Facts { get; } = facts;

        public TwinRecord? Record { get; init; }

        public List<CapturedFrame> Frames { get; init; } = [];

        /// <summary>A frame that has become part of a record's line.</summary>
        public bool IsTaken { get; private set; }

        public bool HasArrival { get; private set; }

        public bool HasDeparture { get; private set; }

        public PacketFacts? Departure(PacketFacts arrival) => Record switch
        {
            { Source: { } source, Destination: { } destination } => arrival.Between(source, destination),
            // To the local stack, as it is.
            { Verdict: TwinVerdict.Released } => arrival,
            _ => null,
        };

        public void Give(Entry frame, bool departure)
        {
            frame.IsTaken = true;
            if (departure)
            {
                HasDeparture = true;
                Frames.AddRange(frame.Frames);
            }
            else
            {
                HasArrival = true;
                Frames.InsertRange(0, frame.Frames);
            }
        }
    }
}

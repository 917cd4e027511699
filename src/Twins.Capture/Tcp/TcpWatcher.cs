using Twins.Packets;

namespace Twins.Capture;

/// <summary>
/// Follows the sequence numbers of each direction, as they pass one point. It forgets the oldest directions beyond a bound. Not thread safe.
/// </summary>
public sealed class TcpWatcher
{
    private const int MostDirections = 100_000;
    private const int MostGaps = 32;

    // What is reordered on the way comes sooner than what is sent again: the kernel's shortest retransmission time is longer.
    private const long ReorderingNanoseconds = 20_000_000;
    private readonly Dictionary<FiveTuple, Direction> _directions = [];
    private readonly Queue<FiveTuple> _order = new();

    /// <summary>Takes the next segment of a direction.</summary>
    /// <param name="direction">The tuple of the direction.</param>
    /// <param name="facts">The segment.</param>
    /// <param name="nanoseconds">When it was seen.</param>
    /// <returns>What is wrong.</returns>
    public TcpMarks Watch(in FiveTuple direction, PacketFacts facts, long nanoseconds)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var marks = facts.Has(TcpFlags.Rst) ? TcpMarks.Reset : facts.Window == 0 && !facts.Has(TcpFlags.Syn) && !facts.Has(TcpFlags.Fin) ? TcpMarks.ZeroWindow : TcpMarks.None;
        if (!_directions.TryGetValue(direction, out var state))
        {
            _directions[direction] = new Direction(facts, nanoseconds);
            _order.Enqueue(direction);
            if (_order.Count > MostDirections)
                _directions.Remove(_order.Dequeue());
            return marks;
        }

        return marks | state.Take(facts, nanoseconds);
    }

    /// <summary>Whether the same packet, not a copy of it that was sent anew, was the direction's last one.</summary>
    public bool IsSeenAgain(in FiveTuple direction, PacketFacts facts, long nanoseconds, long withinNanoseconds)
    {
        ArgumentNullException.ThrowIfNull(facts);
        return facts.Identification != 0 && _directions.TryGetValue(direction, out var state)
            && nanoseconds - state.LastNanoseconds <= withinNanoseconds && state.Last == facts;
    }

    private sealed class Direction(PacketFacts first, long nanoseconds)
    {
        private readonly List<(SequenceNumber From, SequenceNumber To, long Since)> _gaps = [];
        private SequenceNumber _next = first.Sequence + first.SequenceLength;
        private bool _isUnsure = first.SequenceLength == 0;

        public PacketFacts Last { get; private set; } = first;

        public long LastNanoseconds { get; private set; } = nanoseconds;

        public TcpMarks Take(PacketFacts facts, long nanoseconds)
        {
            var isAnew = facts.Has(TcpFlags.Syn) && facts.Sequence + 1 != Start;
            (Last, LastNanoseconds) = (facts, nanoseconds);
            if (isAnew)
            {
                // The ports are used for another connection.
                _gaps.Clear();
                _next = Start = facts.Sequence + facts.SequenceLength;
                return TcpMarks.None;
            }

            if (facts.Has(TcpFlags.Rst))
                return TcpMarks.None;
            var (from, to) = (facts.Sequence, facts.Sequence + facts.SequenceLength);
            if (from + 1 == _next && facts.PayloadLength <= 1 && !facts.Has(TcpFlags.Syn) && !facts.Has(TcpFlags.Fin))
                return TcpMarks.KeepAlive;
            if (facts.SequenceLength == 0)
                return TcpMarks.None;
            // A probe, one octet back, may have been all that was seen so far.
            if (from > _next && !(_isUnsure && from == _next + 1))
            {
                if (_gaps.Count < MostGaps)
                    _gaps.Add((_next, from, nanoseconds));
                (_next, _isUnsure) = (to, false);
                return TcpMarks.GapBefore;
            }

            if (from >= _next)
            {
                _isUnsure = false;
                _next = to;
                return TcpMarks.None;
            }

            if (to > _next)
                _next = to;
            return Fill(from, to, nanoseconds);
        }

        private SequenceNumber Start { get; set; } = first.Sequence + (first.Has(TcpFlags.Syn) ? 1 : 0);

        private TcpMarks Fill(SequenceNumber from, SequenceNumber to, long nanoseconds)
        {
            for (var i = 0; i < _gaps.Count; i++)
            {
                var gap = _gaps[i];
                if (from < gap.From || to > gap.To)
                    continue;
                _gaps.RemoveAt(i);
                if (gap.From < from)
                    _gaps.Add((gap.From, from, gap.Since));
                if (to < gap.To)
                    _gaps.Add((to, gap.To, gap.Since));
                return nanoseconds - gap.Since <= ReorderingNanoseconds ? TcpMarks.OutOfOrder : TcpMarks.Retransmission;
            }

            return TcpMarks.Retransmission;
        }
    }
}

using Twins.Packets;

namespace Twins.Redirection;

/// <summary>
/// Follows a TCP connection to its end from headers alone (RFC 9293, 3.6 and 3.10.7): over when both sides' FINs are acknowledged, or a RST in a
/// plausible window was seen and its sender says nothing more. A new SYN begins anew. Pure: the clock is the caller's. For one thread.
/// </summary>
/// <remarks>
/// Seen mid-stream it learns the sequence numbers from the first segment of each direction. Window scale is not known here, so the largest
/// (RFC 7323, 2.3: 2^14) is taken: a forged RST may end the following of a flow, but not the flow, as its sender goes on and is followed again.
/// </remarks>
public sealed class TcpLifetime
{
    private const uint LargestWindow = 65535u << 14;
    private Half _toProcess;
    private Half _toPeer;
    private FlowDirection? _resetBy;
    private long _closedAt;

    /// <summary>Whether the connection has ended; late segments may still come.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Whether the process has been sent something and has answered nothing: a connection that isn't there yet.</summary>
    public bool IsUnanswered => _toProcess.HasSent && !_toPeer.HasSent;

    /// <summary>Whether it ended at least <paramref name="lingerMilliseconds"/> ago, 60,000 for what TIME-WAIT takes on Linux.</summary>
    /// <param name="nowMilliseconds">The clock that <see cref="Observe"/> was given.</param>
    /// <param name="lingerMilliseconds">How long late segments are waited for, 0 or more.</param>
    public bool IsOver(long nowMilliseconds, long lingerMilliseconds) => IsClosed && nowMilliseconds - _closedAt >= lingerMilliseconds;

    /// <summary>Takes note of a segment.</summary>
    /// <param name="segment">Its header.</param>
    /// <param name="direction">Where it is going.</param>
    /// <param name="nowMilliseconds">The caller's monotonic clock.</param>
    public void Observe(in TcpHeader segment, FlowDirection direction, long nowMilliseconds)
    {
        ref var sender = ref direction == FlowDirection.ToProcess ? ref _toProcess : ref _toPeer;
        ref var receiver = ref direction == FlowDirection.ToProcess ? ref _toPeer : ref _toProcess;
        var flags = segment.Flags;
        if ((flags & TcpFlags.Rst) != 0)
        {
            ObserveReset(segment, sender, receiver, direction, nowMilliseconds);
            return;
        }

        if (IsClosed && segment.OpensConnection)
            (_toProcess, _toPeer, IsClosed, _resetBy) = (default, default, false, null);
        if (_resetBy == direction)
            (IsClosed, _resetBy) = (false, null);

        sender.Sent(segment);
        if ((flags & TcpFlags.Ack) != 0)
        {
            sender.Acknowledges(segment.AcknowledgmentNumber);
            receiver.FinAcknowledged |= receiver.FinSeen && segment.AcknowledgmentNumber >= receiver.End;
        }

        if (!IsClosed && sender.FinAcknowledged && receiver.FinAcknowledged)
            Close(nowMilliseconds);
    }

    private void ObserveReset(in TcpHeader segment, in Half sender, in Half receiver, FlowDirection direction, long now)
    {
        if (IsClosed)
            return;

        // In the receiver's window, or the answer to a SYN (RFC 9293, 3.10.7.3), or nothing is known to hold against it.
        var plausible = receiver.HasAcknowledged
            ? segment.SequenceNumber.IsWithin(receiver.Acknowledged, LargestWindow)
            : !receiver.HasSent || !sender.HasSent
                || ((segment.Flags & TcpFlags.Ack) != 0 && segment.AcknowledgmentNumber == receiver.End);
        if (!plausible)
            return;
        _resetBy = direction;
        Close(now);
    }

    private void Close(long now)
    {
        IsClosed = true;
        _closedAt = now;
    }

    /// <summary>What one side has sent.</summary>
    private struct Half
    {
        public SequenceNumber End;
        public SequenceNumber Acknowledged;
        public bool HasSent;
        public bool HasAcknowledged;
        public bool FinSeen;
        public bool FinAcknowledged;

        public void Sent(in TcpHeader segment)
        {
            var end = segment.SequenceNumber + segment.SequenceLength;
            if (!HasSent || (end > End && !FinSeen))
                End = end;
            HasSent = true;

            // Nothing comes after the FIN, so End stays there.
            FinSeen |= (segment.Flags & TcpFlags.Fin) != 0;
        }

        public void Acknowledges(SequenceNumber number)
        {
            if (!HasAcknowledged || number > Acknowledged)
                Acknowledged = number;
            HasAcknowledged = true;
        }
    }
}

namespace Twins.Admin.Node;

/// <summary>Rates of the last minutes, made of counters that grow. Bounded. Thread safe.</summary>
internal sealed class RateSeries
{
    /// <summary>How far it goes back, at one point a second.</summary>
    public const int MostPoints = 180;

    private readonly Lock _lock = new();
    private readonly Queue<RatePoint> _points = new();
    private long _time;
    private ulong _packets;
    private ulong _bytes;

    /// <summary>The last point; zero before there are two snapshots.</summary>
    public RatePoint Last { get; private set; }

    /// <summary>Oldest first.</summary>
    public RatePoint[] Points
    {
        get
        {
            lock (_lock)
                return [.. _points];
        }
    }

    /// <summary>One more snapshot. Counters that fall are of a new twin: they start anew.</summary>
    public void Add(long unixMilliseconds, ulong packets, ulong bytes, ulong heldBytes)
    {
        lock (_lock)
        {
            var seconds = (unixMilliseconds - _time) / 1000.0;
            if (_time > 0 && seconds < 0.05)
                return;
            Last = _time == 0 ? new RatePoint(unixMilliseconds, 0, 0, heldBytes) : new RatePoint(
                unixMilliseconds, packets >= _packets ? (packets - _packets) / seconds : 0, bytes >= _bytes ? (bytes - _bytes) / seconds : 0, heldBytes);
            (_time, _packets, _bytes) = (unixMilliseconds, packets, bytes);
            if (_points.Count >= MostPoints)
                _points.Dequeue();
            _points.Enqueue(Last);
        }
    }
}

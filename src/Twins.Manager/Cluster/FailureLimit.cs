namespace Twins.Manager.Cluster;

/// <summary>Failed attempts per caller and in all within a minute; beyond that nobody is listened to until the minute is over. Thread safe.</summary>
internal sealed class FailureLimit(TimeProvider time)
{
    public const int MostPerCaller = 5;
    public const int MostInAll = 50;

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _failures = [];
    private DateTimeOffset _windowEnd;
    private int _all;

    public bool IsExceeded(string caller)
    {
        lock (_lock)
        {
            Turn();
            return _all >= MostInAll || _failures.GetValueOrDefault(caller) >= MostPerCaller;
        }
    }

    public void NoteFailure(string caller)
    {
        lock (_lock)
        {
            Turn();
            _all++;
            if (_failures.Count < MostInAll)
                _failures[caller] = _failures.GetValueOrDefault(caller) + 1;
        }
    }

    private void Turn()
    {
        var now = time.GetUtcNow();
        if (now < _windowEnd)
            return;
        _windowEnd = now + Window;
        _failures.Clear();
        _all = 0;
    }
}

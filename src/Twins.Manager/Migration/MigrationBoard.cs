using Twins.Protocol;

namespace Twins.Manager.Migration;

/// <summary>
/// How migrations stand that this node carries out or was asked for, for those who watch: under way, and each process's last. Counts
/// those that left this node. Bounded; gone with a restart, the table has the history. Thread safe.
/// </summary>
internal sealed class MigrationBoard(TimeProvider time)
{
    private const int Most = 100;

    private readonly Lock _lock = new();
    private readonly List<MigrationStanding> _standings = [];
    private readonly Dictionary<string, ulong> _outcomes = [];
    private TimeSpan _frozen;
    private TimeSpan _lastFrozen;
    private TimeSpan _held;

    /// <summary>Something has changed; raised outside of any lock.</summary>
    public event Action? Changed;

    /// <summary>A migration begins; the last one of the process goes.</summary>
    public MigrationStanding Begin(string processId, string name, string from, string to)
    {
        var standing = new MigrationStanding
        {
            ProcessId = processId,
            Name = name,
            From = from,
            To = to,
            StartedUnixMilliseconds = time.GetUtcNow().ToUnixTimeMilliseconds(),
            Phase = MigrationSteps.Preflight,
        };
        lock (_lock)
        {
            _standings.RemoveAll(s => s.ProcessId == processId && s.Phase.Length == 0);
            if (_standings.Count >= Most)
                _standings.RemoveAt(0);
            _standings.Add(standing);
        }

        Changed?.Invoke();
        return standing;
    }

    /// <summary>What is told of it to whoever asked for it.</summary>
    /// <param name="standing">As <see cref="Begin"/> gave it.</param>
    /// <param name="told">The event.</param>
    /// <param name="isOurs">Whether this node carries it out, and so counts it.</param>
    public void Tell(MigrationStanding standing, MigrationEvent told, bool isOurs = true)
    {
        lock (_lock)
        {
            switch (told.EventCase)
            {
                case MigrationEvent.EventOneofCase.Progress:
                    Advance(standing, told.Progress);
                    break;
                case MigrationEvent.EventOneofCase.Result:
                    (standing.Phase, standing.Result) = ("", told.Result);
                    standing.Phases.Clear();
                    standing.Phases.Add(told.Result.Phases);
                    if (!isOurs)
                        break;
                    Count("committed");
                    _lastFrozen = TimeSpan.FromMilliseconds(told.Result.FrozenMilliseconds);
                    _frozen += _lastFrozen;
                    _held += TimeSpan.FromMilliseconds(told.Result.HoldMilliseconds);
                    break;
                case MigrationEvent.EventOneofCase.Failure:
                    (standing.Phase, standing.Failure) = ("", told.Failure);
                    if (isOurs)
                        Count(told.Failure.RolledBack ? "rolled-back" : told.Failure.InDoubt ? "in-doubt" : "failed");
                    break;
            }
        }

        Changed?.Invoke();
    }

    /// <summary>All of them, oldest first: copies.</summary>
    public IReadOnlyList<MigrationStanding> List()
    {
        lock (_lock)
            return [.. _standings.Select(s => s.Clone())];
    }

    /// <summary>Writes the counts into the metrics.</summary>
    public void Fill(MetricsReply metrics)
    {
        lock (_lock)
        {
            metrics.Migrations.Add(_outcomes);
            metrics.FrozenSeconds = _frozen.TotalSeconds;
            metrics.LastFrozenSeconds = _lastFrozen.TotalSeconds;
            metrics.HeldSeconds = _held.TotalSeconds;
        }
    }

    private static void Advance(MigrationStanding standing, MigrationProgress progress)
    {
        standing.Phase = progress.Phase;
        (standing.Bytes, standing.TotalBytes) = (progress.Bytes, progress.TotalBytes);
        if (progress.Milliseconds <= 0)
            return;
        if (standing.Phases.FirstOrDefault(p => p.Name == progress.Phase) is { } known)
            known.Milliseconds = progress.Milliseconds;
        else
            standing.Phases.Add(new MigrationPhase { Name = progress.Phase, Milliseconds = progress.Milliseconds });
    }

    private void Count(string outcome) => _outcomes[outcome] = _outcomes.GetValueOrDefault(outcome) + 1;
}

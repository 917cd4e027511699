using System.Diagnostics;
using Twins.Protocol;

namespace Twins.Manager.Migration;

/// <summary>The steps of one migration: which is under way, how long each took, and the reports of both.</summary>
internal sealed class StepClock(Action<MigrationEvent> report)
{
    private readonly List<MigrationPhase> _phases = [];
    private long _started;

    /// <summary>The step that is under way, or was the last.</summary>
    public string Step { get; private set; } = MigrationSteps.Preflight;

    /// <summary>The steps that have ended, in the order of their first begin. One that was gone through twice has one entry, with both times.</summary>
    public IReadOnlyList<MigrationPhase> Phases => _phases;

    /// <summary>Ends the step that is under way and begins another.</summary>
    public void Begin(string step)
    {
        End();
        Step = step;
        _started = Stopwatch.GetTimestamp();
        report(new MigrationEvent { Progress = new MigrationProgress { Phase = step } });
    }

    /// <summary>Ends the step that is under way.</summary>
    public void End()
    {
        if (_started == 0)
            return;
        var phase = _phases.Find(p => p.Name == Step);
        if (phase is null)
            _phases.Add(phase = new MigrationPhase { Name = Step });
        phase.Milliseconds += Stopwatch.GetElapsedTime(_started).TotalMilliseconds;
        _started = 0;
        report(new MigrationEvent { Progress = new MigrationProgress { Phase = Step, Milliseconds = phase.Milliseconds } });
    }

    /// <summary>How far the step under way is.</summary>
    public void Progress(long bytes, long total) =>
        report(new MigrationEvent { Progress = new MigrationProgress { Phase = Step, Bytes = (ulong)bytes, TotalBytes = (ulong)total } });
}

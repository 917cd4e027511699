using System.Collections.Concurrent;

namespace Twins.Manager.Migration;

/// <summary>What a person has decided about processes in doubt (<c>twins resolve</c>). Thread safe.</summary>
internal sealed class Verdicts
{
    private readonly ConcurrentDictionary<string, bool> _gone = new();

    /// <summary>The process is to run here (false), or is taken to run at the destination (true).</summary>
    public void Give(string processId, bool gone) => _gone[processId] = gone;

    /// <summary>One that was given for a migration before, or too late for it, decides nothing.</summary>
    public void Discard(string processId) => _gone.TryRemove(processId, out _);

    /// <summary>The decision, once; null while there is none.</summary>
    public bool? Take(string processId) => _gone.TryRemove(processId, out var gone) ? gone : null;
}

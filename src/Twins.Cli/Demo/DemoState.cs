using System.Collections.Concurrent;

namespace Twins.Cli.Demo;

/// <summary>What the demo's view shows. Written by the demo, read by the view.</summary>
internal sealed class DemoState
{
    private readonly ConcurrentDictionary<string, string> _where = new();
    private readonly ConcurrentDictionary<string, string> _phases = new();

    /// <summary>What is being shown just now.</summary>
    public string Title { get; private set; } = "";

    /// <summary>Told once for each new title and move.</summary>
    public event Action<string>? Said;

    public IReadOnlyList<ClientProcess> Clients { get; set; } = [];

    /// <summary>A new part begins.</summary>
    public void Say(string title)
    {
        Title = title;
        Said?.Invoke(title);
    }

    /// <summary>A line for people who see no live view.</summary>
    public void Note(string line) => Said?.Invoke(line);

    /// <summary>A program runs on that machine now; empty: nowhere.</summary>
    public void Runs(string program, string machine)
    {
        _where[program] = machine;
        _phases.TryRemove(program, out _);
    }

    /// <summary>A program is being moved.</summary>
    public void Phase(string program, string phase) => _phases[program] = phase;

    /// <summary>The programs of a machine, each with the phase it is in.</summary>
    public IEnumerable<string> On(string machine) => _where.Where(entry => entry.Value == machine).OrderBy(entry => entry.Key)
        .Select(entry => _phases.TryGetValue(entry.Key, out string? phase) ? $"{entry.Key}: {phase}" : entry.Key);
}

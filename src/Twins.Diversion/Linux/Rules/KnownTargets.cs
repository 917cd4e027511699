using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>What is diverted and to which queue, so that a change costs what it changes, however much there is.</summary>
internal sealed class KnownTargets
{
    private readonly Dictionary<DivertTarget, ushort> _queues = [];
    private readonly Dictionary<ushort, int> _numbers = [];

    public int Count => _queues.Count;

    public IReadOnlyCollection<DivertTarget> Targets => _queues.Keys;

    public bool HasAny(ushort queue) => _numbers.ContainsKey(queue);

    public void Replace(IEnumerable<KeyValuePair<DivertTarget, ushort>> by)
    {
        _queues.Clear();
        _numbers.Clear();
        foreach (var (target, queue) in by)
            Add(target, queue);
    }

    public void Apply(TargetChanges changes)
    {
        foreach (var (target, queue) in changes.Gone)
            Remove(target, queue);
        foreach (var (target, queue) in changes.Come)
            Add(target, queue);
    }

    /// <summary>What must go and what must come, so that each of these is at its queue, or nowhere (null).</summary>
    public TargetChanges ChangesTo(IReadOnlyDictionary<DivertTarget, ushort?> wanted)
    {
        var gone = new List<KeyValuePair<DivertTarget, ushort>>();
        var come = new List<KeyValuePair<DivertTarget, ushort>>(wanted.Count);
        foreach (var (target, queue) in wanted)
        {
            var isThere = _queues.TryGetValue(target, out var present);
            if (isThere && present == queue)
                continue;
            if (isThere)
                gone.Add(new(target, present));
            if (queue is { } next)
                come.Add(new(target, next));
        }

        return new TargetChanges(gone, come);
    }

    public ImmutableDictionary<DivertTarget, ushort> ToImmutable() => _queues.ToImmutableDictionary();

    private void Add(DivertTarget target, ushort queue)
    {
        _queues.Add(target, queue);
        if (target.IsQueued)
            CollectionsMarshal.GetValueRefOrAddDefault(_numbers, queue, out _)++;
    }

    private void Remove(DivertTarget target, ushort queue)
    {
        _queues.Remove(target);
        if (target.IsQueued && --CollectionsMarshal.GetValueRefOrAddDefault(_numbers, queue, out _) == 0)
            _numbers.Remove(queue);
    }
}

using System.Collections.Immutable;

namespace Twins.Diversion.Linux;

/// <summary>What is diverted in a network namespace, and where to.</summary>
/// <param name="Targets">Each target with its queue.</param>
/// <param name="Queues">The queues that packets can be sent to. A target whose queue is not among them is marked and goes on undiverted.</param>
public sealed record RuleSet(ImmutableDictionary<DivertTarget, ushort> Targets, ImmutableHashSet<ushort> Queues)
{
    /// <summary>Nothing is diverted.</summary>
    public static RuleSet Empty { get; } = new(ImmutableDictionary<DivertTarget, ushort>.Empty, ImmutableHashSet<ushort>.Empty);
}

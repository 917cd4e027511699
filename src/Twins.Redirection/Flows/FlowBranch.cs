using System.Runtime.CompilerServices;

namespace Twins.Redirection;

/// <summary>
/// An inner node of the trie of flows: 64 slots, picked by six bits of the hash, each empty, a branch or an entry. The builder
/// that made it may change it until it builds; after that nobody does.
/// </summary>
internal sealed class FlowBranch(object? owner)
{
    public const int BitsPerLevel = 6;
    public const int Width = 1 << BitsPerLevel;

    /// <summary>Hash bits are used up after this many levels; then entries are chained.</summary>
    public const int Levels = 5;

    private SlotArray _slots;

    public object? Owner { get; } = owner;

    public int Used { get; private set; }

    public object? this[int index]
    {
        get => _slots[index & (Width - 1)];
        set
        {
            Used += (value is null ? 0 : 1) - (_slots[index & (Width - 1)] is null ? 0 : 1);
            _slots[index & (Width - 1)] = value;
        }
    }

    public FlowBranch OwnedBy(object owner)
    {
        if (ReferenceEquals(owner, Owner))
            return this;
        return new FlowBranch(owner) { _slots = _slots, Used = Used };
    }

    [InlineArray(Width)]
    private struct SlotArray
    {
        private object? _first;
    }
}

using System.Globalization;

namespace Twins.Redirection;

/// <summary>Where a packet comes from or goes to: the node's network, or one of the cabins that the twin serves.</summary>
public readonly record struct Side
{
    // Stored one up, so that default is the network.
    private readonly int _cabin;

    private Side(int cabin) => _cabin = cabin;

    /// <summary>The network of the node's own network namespace.</summary>
    public static Side Network => default;

    /// <summary>The cabin with this index; the caller says what the index means.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A negative index, or <see cref="int.MaxValue"/>.</exception>
    public static Side Cabin(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfEqual(index, int.MaxValue);
        return new Side(index + 1);
    }

    /// <summary>Whether it is a cabin.</summary>
    public bool IsCabin => _cabin != 0;

    /// <summary>The cabin's index; -1 for the network.</summary>
    public int CabinIndex => _cabin - 1;

    /// <inheritdoc/>
    public override string ToString() => IsCabin ? string.Create(CultureInfo.InvariantCulture, $"cabin {CabinIndex}") : "network";
}

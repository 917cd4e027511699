using System.Globalization;

namespace Twins.Packets;

/// <summary>
/// A TCP sequence or acknowledgment number. Comparison is modular (RFC 9293, 3.4): a number is less
/// than those up to 2^31 - 1 ahead of it. It is no total order: of two numbers exactly 2^31 apart each is less than the other.
/// </summary>
public readonly record struct SequenceNumber(uint Value)
{
    /// <summary>How far <paramref name="left"/> is ahead of <paramref name="right"/>, -2^31 to 2^31 - 1.</summary>
    public static int operator -(SequenceNumber left, SequenceNumber right) => unchecked((int)(left.Value - right.Value));

    /// <summary>The number <paramref name="count"/> octets on, modulo 2^32.</summary>
    public static SequenceNumber operator +(SequenceNumber number, int count) => new(unchecked(number.Value + (uint)count));

    /// <summary>Whether <paramref name="left"/> comes before <paramref name="right"/>.</summary>
    public static bool operator <(SequenceNumber left, SequenceNumber right) => left - right < 0;

    /// <summary>Whether <paramref name="left"/> comes after <paramref name="right"/>.</summary>
    public static bool operator >(SequenceNumber left, SequenceNumber right) => right < left;

    /// <summary>Equal, or before.</summary>
    public static bool operator <=(SequenceNumber left, SequenceNumber right) => left == right || left < right;

    /// <summary>Equal, or after.</summary>
    public static bool operator >=(SequenceNumber left, SequenceNumber right) => left == right || right < left;

    /// <summary>Same as the operator <c>-</c>.</summary>
    public static int Subtract(SequenceNumber left, SequenceNumber right) => left - right;

    /// <summary>Same as the operator <c>+</c>.</summary>
    public static SequenceNumber Add(SequenceNumber number, int count) => number + count;

    /// <summary>Whether the number lies in the window of <paramref name="length"/> octets that begins at <paramref name="start"/>.</summary>
    public bool IsWithin(SequenceNumber start, uint length) => unchecked(Value - start.Value) < length;

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

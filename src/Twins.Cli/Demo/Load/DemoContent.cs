using System.Buffers.Binary;

namespace Twins.Cli.Demo.Load;

/// <summary>Bytes that follow from their offset, so that any of them can be checked without a copy.</summary>
internal static class DemoContent
{
    /// <summary>Fills the span with the bytes from <paramref name="offset"/> on.</summary>
    public static void Fill(Span<byte> span, long offset)
    {
        Span<byte> word = stackalloc byte[8];
        while (span.Length > 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(word, Mix((ulong)(offset >> 3)));
            Span<byte> part = word[(int)(offset & 7)..];
            int count = Math.Min(part.Length, span.Length);
            part[..count].CopyTo(span);
            span = span[count..];
            offset += count;
        }
    }

    /// <summary>Offset of the first byte that is wrong; -1 if none is.</summary>
    public static long FirstWrong(ReadOnlySpan<byte> received, long offset)
    {
        byte[] expected = new byte[received.Length];
        Fill(expected, offset);
        int same = received.CommonPrefixLength(expected);
        return same == received.Length ? -1 : offset + same;
    }

    /// <summary>The finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).</summary>
    private static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}

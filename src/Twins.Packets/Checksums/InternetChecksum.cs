using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Twins.Packets;

/// <summary>
/// The Internet checksum (RFC 1071). Sums are kept unfolded in a <see cref="ulong"/> of big-endian
/// words; since 2^16 = 1 modulo 2^16 - 1, words of 32 bits may be added as they are.
/// </summary>
public static class InternetChecksum
{
    /// <summary>The sum of the octets, unfolded; an odd last octet counts as if a zero followed it.</summary>
    public static ulong Sum(ReadOnlySpan<byte> octets)
    {
        // The sum is taken in the machine's byte order and swapped once at the end (RFC 1071, 2 (B)).
        ulong sum = 0;
        if (Vector256.IsHardwareAccelerated && octets.Length >= 4 * Vector256<byte>.Count)
        {
            var lanes = MemoryMarshal.Cast<byte, uint>(octets[..(octets.Length & ~(Vector256<byte>.Count - 1))]);
            var total = Vector256<ulong>.Zero;
            for (; lanes.Length >= Vector256<uint>.Count; lanes = lanes[Vector256<uint>.Count..])
            {
                var (low, high) = Vector256.Widen(Vector256.Create(lanes));
                total += low + high;
            }

            sum = Vector256.Sum(total);
            octets = octets[(octets.Length & ~(Vector256<byte>.Count - 1))..];
        }

        for (; octets.Length >= sizeof(uint); octets = octets[sizeof(uint)..])
            sum += MemoryMarshal.Read<uint>(octets);
        if (octets.Length >= sizeof(ushort))
        {
            sum += MemoryMarshal.Read<ushort>(octets);
            octets = octets[sizeof(ushort)..];
        }

        if (octets.Length > 0)
            sum += BitConverter.IsLittleEndian ? octets[0] : (uint)octets[0] << 8;
        var folded = Fold(sum);
        return BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(folded) : folded;
    }

    /// <summary>Folds a sum to 16 bits, end-around carries added.</summary>
    public static ushort Fold(ulong sum)
    {
        sum = (sum & 0xFFFFFFFF) + (sum >> 32);
        sum = (sum & 0xFFFF) + (sum >> 16 & 0xFFFF) + (sum >> 32);
        sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)((sum & 0xFFFF) + (sum >> 16));
    }

    /// <summary>The finished checksum of the octets: the complement of their folded sum.</summary>
    public static ushort Compute(ReadOnlySpan<byte> octets) => (ushort)~Fold(Sum(octets));

    /// <summary>The sum of the pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1), unfolded.</summary>
    /// <param name="protocol">The upper-layer protocol.</param>
    /// <param name="source">The packet's source.</param>
    /// <param name="destination">The packet's final destination.</param>
    /// <param name="length">Octets of transport header and payload, 0 to 65,535.</param>
    public static ulong PseudoHeader(IpProtocol protocol, InternetAddress source, InternetAddress destination, int length) =>
        source.WordSum + destination.WordSum + (byte)protocol + (uint)length;

    /// <summary>
    /// A checksum field after words that it covers have changed (RFC 1624, equation 3).
    /// A partial sum is not complemented, so it takes the change with the opposite sign.
    /// </summary>
    /// <param name="field">The field as it is.</param>
    /// <param name="change">Sum of the complements of the old words and of the new ones: ~m + m', unfolded.</param>
    /// <param name="state">What the field holds.</param>
    public static ushort Update(ushort field, ulong change, ChecksumState state) => state == ChecksumState.Partial
        ? Fold(field + change)
        : (ushort)~Fold((ushort)~field + change);
}

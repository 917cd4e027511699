using System.Security.Cryptography;

namespace Twins.Manager.Images;

/// <summary>
/// Which pages the destination has already, by what is in them. Pages are told apart by GMAC (NIST SP 800-38D) with a key that is made
/// here and whose values leave this object at no time: for pages chosen without knowing it, as clients of a server may choose what
/// is in its memory, two that differ have the same value with a probability of less than 2^-119.
/// </summary>
public sealed class PageIndex : IDisposable
{
    /// <summary>What is told apart, in octets. The pages of a system are as large or a multiple of it.</summary>
    public const int PageBytes = 4096;

    /// <summary>4 GiB. More pages than that are known by none.</summary>
    public const int MostPages = 1 << 20;

    private static readonly byte[] s_nonce = new byte[AesGcm.NonceByteSizes.MaxSize];

    private readonly Dictionary<UInt128, uint> _numbers = [];
    private readonly AesGcm _cipher = new(RandomNumberGenerator.GetBytes(16), 16);

    /// <summary>How many there are.</summary>
    public int Count => _numbers.Count;

    /// <summary>Takes a page in, as the next number; false when it is known already, or there is no room.</summary>
    public bool TryAdd(ReadOnlySpan<byte> page) => Count < MostPages && _numbers.TryAdd(Hash(page), (uint)Count + 1);

    /// <summary>The number of a page with this content, from 1; 0 when there is none.</summary>
    public uint Find(ReadOnlySpan<byte> page) => _numbers.GetValueOrDefault(Hash(page));

    /// <inheritdoc/>
    public void Dispose() => _cipher.Dispose();

    private UInt128 Hash(ReadOnlySpan<byte> page)
    {
        // One nonce for all: this is a keyed hash, and nobody sees a value of it.
        Span<byte> tag = stackalloc byte[16];
        _cipher.Encrypt(s_nonce, [], [], tag, page);
        return BitConverter.ToUInt128(tag);
    }
}

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

    // Pages that are worth a thread of their own.
    private const int LeastPagesPerThread = 32;

    private const int TagBytes = 16;

    private static readonly byte[] s_nonce = new byte[AesGcm.NonceByteSizes.MaxSize];

    private readonly Dictionary<UInt128, uint> _numbers = [];
    private readonly ThreadLocal<AesGcm> _ciphers;

    /// <summary>An empty index, with a key of its own.</summary>
    public PageIndex()
    {
        var key = RandomNumberGenerator.GetBytes(16);
        _ciphers = new ThreadLocal<AesGcm>(() => new AesGcm(key, TagBytes), trackAllValues: true);
    }

    /// <summary>How many there are.</summary>
    public int Count => _numbers.Count;

    /// <summary>Takes a page in, as the next number; false when it is known already, or there is no room.</summary>
    public bool TryAdd(ReadOnlySpan<byte> page) => Count < MostPages && _numbers.TryAdd(Hash(page), (uint)Count + 1);

    /// <summary>The numbers of the pages that follow each other there, from 1; 0 for one that isn't known. Uses several threads.</summary>
    public uint[] Find(ReadOnlyMemory<byte> pages)
    {
        var numbers = new uint[pages.Length / PageBytes];
        var threads = Math.Clamp(numbers.Length / LeastPagesPerThread, 1, Environment.ProcessorCount);
        Parallel.For(0, threads, part =>
        {
            for (var i = part * numbers.Length / threads; i < (part + 1) * numbers.Length / threads; i++)
                numbers[i] = _numbers.GetValueOrDefault(Hash(pages.Span.Slice(i * PageBytes, PageBytes)));
        });
        return numbers;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var cipher in _ciphers.Values)
            cipher.Dispose();
        _ciphers.Dispose();
    }

    private UInt128 Hash(ReadOnlySpan<byte> page)
    {
        // One nonce for all: this is a keyed hash, and nobody sees a value of it.
        Span<byte> tag = stackalloc byte[TagBytes];
        _ciphers.Value!.Encrypt(s_nonce, [], [], tag, page);
        return BitConverter.ToUInt128(tag);
    }
}

using System.IO.Hashing;
using System.Security.Cryptography;

namespace Twins.Manager.Images;

/// <summary>
/// Which pages the destination has already, by what is in them. Pages are told apart by a hash of 128 bits with a seed that
/// nobody outside knows; should two differ and have the same all the same, the hash of the whole file tells, and the transfer
/// fails.
/// </summary>
public sealed class PageIndex
{
    /// <summary>What is told apart, in octets. The pages of a system are as large or a multiple of it.</summary>
    public const int PageBytes = 4096;

    /// <summary>4 GiB. More pages than that are known by none.</summary>
    public const int MostPages = 1 << 20;

    private readonly Dictionary<UInt128, uint> _numbers = [];
    private readonly long _seed = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long)));

    /// <summary>How many there are.</summary>
    public int Count => _numbers.Count;

    /// <summary>Takes a page in, as the next number; false when it is known already, or there is no room.</summary>
    public bool TryAdd(ReadOnlySpan<byte> page) => Count < MostPages && _numbers.TryAdd(Hash(page), (uint)Count + 1);

    /// <summary>The number of a page with this content, from 1; 0 when there is none.</summary>
    public uint Find(ReadOnlySpan<byte> page) => _numbers.GetValueOrDefault(Hash(page));

    private UInt128 Hash(ReadOnlySpan<byte> page) => XxHash128.HashToUInt128(page, _seed);
}

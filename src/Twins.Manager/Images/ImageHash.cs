using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Twins.Manager.Images;

/// <summary>What the hash of a transferred file takes in beside its data.</summary>
internal static class ImageHash
{
    /// <summary>The numbers of precopied pages, four octets each, little-endian.</summary>
    public static void AppendNumbers(this IncrementalHash hash, IReadOnlyList<uint> numbers)
    {
        Span<byte> octets = stackalloc byte[sizeof(uint)];
        foreach (var number in numbers)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(octets, number);
            hash.AppendData(octets);
        }
    }
}

using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Twins.Manager.Images;

/// <summary>What the hash of a transferred file takes in beside its data.</summary>
internal static class ImageHash
{
    /// <summary>The numbers of precopied pages, four octets each, little-endian.</summary>
    public static void AppendNumbers(this IncrementalHash hash, IReadOnlyList<uint> numbers)
    {
        var octets = new byte[numbers.Count * sizeof(uint)];
        for (var i = 0; i < numbers.Count; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(octets.AsSpan(i * sizeof(uint)), numbers[i]);
        hash.AppendData(octets);
    }
}

using System.Buffers.Binary;
using Google.Protobuf;

namespace Twins.Manager.Checkpoint;

/// <summary>The little that we read of CRIU's image files ourselves.</summary>
public static class CriuImages
{
    private const uint CommonMagic = 0x54564319;
    private const uint ProcessTreeMagic = 0x50273030;
    private const int LargestEntryBytes = 1 << 20;

    /// <summary>The processes of <c>pstree.img</c>, root first, without their threads.</summary>
    /// <exception cref="InvalidDataException">The file is no process tree image.</exception>
    public static IReadOnlyList<int> ReadPids(string imagesDirectory) => [.. Entries(imagesDirectory).Select(e => e.Pid)];

    /// <summary>All numbers that must be free where the images are restored: processes and threads.</summary>
    /// <inheritdoc cref="ReadPids"/>
    public static IReadOnlyList<int> ReadTaskIds(string imagesDirectory) => [.. Entries(imagesDirectory).SelectMany(e => e.Threads)];

    private static List<(int Pid, List<int> Threads)> Entries(string imagesDirectory)
    {
        var bytes = File.ReadAllBytes(Path.Combine(imagesDirectory, "pstree.img")).AsSpan();
        if (bytes.Length < 8
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != CommonMagic
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) != ProcessTreeMagic)
        {
            throw new InvalidDataException($"{imagesDirectory}/pstree.img is no process tree image of CRIU.");
        }

        var entries = new List<(int, List<int>)>();
        for (bytes = bytes[8..]; bytes.Length >= 4;)
        {
            var size = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            if (size > LargestEntryBytes || size > bytes.Length - 4)
                throw new InvalidDataException($"{imagesDirectory}/pstree.img is cut short.");
            entries.Add(ParseEntry(bytes.Slice(4, (int)size).ToArray()));
            bytes = bytes[(4 + (int)size)..];
        }

        return entries;
    }

    // pstree_entry: 1 pid, 2 ppid, 3 pgid, 4 sid, 5 threads.
    private static (int Pid, List<int> Threads) ParseEntry(byte[] message)
    {
        var pid = 0;
        var threads = new List<int>();
        var input = new CodedInputStream(message);
        for (var tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            switch (tag)
            {
                case (1 << 3) | 0:
                    pid = (int)input.ReadUInt32();
                    break;
                case (5 << 3) | 0:
                    threads.Add((int)input.ReadUInt32());
                    break;
                case (5 << 3) | 2:
                    for (var end = input.ReadLength() + input.Position; input.Position < end;)
                        threads.Add((int)input.ReadUInt32());
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }

        return (pid, threads);
    }
}

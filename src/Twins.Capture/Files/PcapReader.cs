using System.Buffers.Binary;

namespace Twins.Capture;

/// <summary>Reads pcap files (pcap-savefile(5)); the magic number has been read.</summary>
internal sealed class PcapReader(FileOctets input, bool isBigEndian, bool isNano)
{
    private const int HeaderBytes = 20; // behind the magic number
    private const int RecordBytes = 16;

    public IEnumerable<CapturedFrame> Read()
    {
        var header = input.Read(HeaderBytes, "the header");
        var where = new CaptureInterface("file", Read32(header, 16) is var type ? (int)(type & 0xFFFF) : 0, (int)Math.Min(Read32(header, 12), int.MaxValue));
        while (input.TryRead(RecordBytes, "a packet's header") is { } record)
        {
            var kept = Read32(record, 8);
            if (kept > FileOctets.MostBytes)
                throw input.Broken($"a packet of {kept} octets");
            var nanoseconds = Read32(record, 0) * 1_000_000_000L + Read32(record, 4) * (isNano ? 1L : 1000L);
            yield return new CapturedFrame(where, nanoseconds, input.Read((int)kept, "a packet"), (int)Math.Min(Read32(record, 12), int.MaxValue));
        }
    }

    private uint Read32(ReadOnlyMemory<byte> octets, int offset) => isBigEndian
        ? BinaryPrimitives.ReadUInt32BigEndian(octets.Span[offset..])
        : BinaryPrimitives.ReadUInt32LittleEndian(octets.Span[offset..]);
}

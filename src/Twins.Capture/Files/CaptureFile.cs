using System.Buffers.Binary;

namespace Twins.Capture;

/// <summary>Reads captures from files: pcapng, and pcap as tcpdump writes it. Neither libpcap nor rights are needed.</summary>
public static class CaptureFile
{
    /// <summary>The frames of a capture, in order. The stream stays open.</summary>
    /// <param name="stream">From its beginning; it needn't seek.</param>
    /// <exception cref="CaptureFileException">It isn't one, or is broken or cut off; the frames before that have been given.</exception>
    /// <exception cref="IOException">It can't be read.</exception>
    public static IEnumerable<CapturedFrame> Read(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var input = new FileOctets(stream);
        var magic = input.Read(4, "the beginning").Span;
        return BinaryPrimitives.ReadUInt32LittleEndian(magic) switch
        {
            PcapngBlock.SectionHeader => new PcapngReader(input).Read(),
            0xA1B2C3D4 => new PcapReader(input, isBigEndian: false, isNano: false).Read(),
            0xD4C3B2A1 => new PcapReader(input, isBigEndian: true, isNano: false).Read(),
            0xA1B23C4D => new PcapReader(input, isBigEndian: false, isNano: true).Read(),
            0x4D3CB2A1 => new PcapReader(input, isBigEndian: true, isNano: true).Read(),
            _ => throw new CaptureFileException("this is neither a pcapng nor a pcap file: its first four octets are none that either begins with"),
        };
    }
}

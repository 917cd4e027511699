using Twins.Packets;

namespace Twins.Diversion.Linux;

/// <summary>A packet read from a TUN device. Valid until the next read.</summary>
public readonly ref struct TunPacket
{
    internal TunPacket(Span<byte> bytes, ChecksumState checksum, int segmentPayloadBytes)
    {
        Bytes = bytes;
        Checksum = checksum;
        SegmentPayloadBytes = segmentPayloadBytes;
    }

    /// <summary>The packet, IP header first, in a buffer that may be changed.</summary>
    public Span<byte> Bytes { get; }

    /// <summary>What the transport checksum field holds.</summary>
    public ChecksumState Checksum { get; }

    /// <summary>For a TCP superpacket the octets of data per segment; 0 for a single packet.</summary>
    public int SegmentPayloadBytes { get; }
}

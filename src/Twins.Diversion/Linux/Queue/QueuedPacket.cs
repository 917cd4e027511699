namespace Twins.Diversion.Linux;

/// <summary>What a packet message says, and where in it the packet is.</summary>
internal struct QueuedPacket
{
    /// <summary>NFQA_SKB_CSUMNOTREADY: the transport checksum holds the pseudo-header's sum.</summary>
    public const uint ChecksumNotReady = 1;

    /// <summary>NFQA_SKB_GSO: still to be cut into segments.</summary>
    public const uint Superpacket = 2;

    public uint Id;
    public uint Mark;
    public uint WholeLength; // 0: the payload is whole
    public uint BufferFlags;
    public int PayloadOffset;
    public int PayloadLength;
}

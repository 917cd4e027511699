using Twins.Packets;

namespace Twins.Diversion;

/// <summary>A packet that was taken from the system's path and waits for a verdict. Valid until the batch is completed.</summary>
public readonly ref struct DivertedPacket
{
    internal DivertedPacket(uint id, uint mark, ChecksumState checksum, bool isSuperpacket, bool isTruncated, Span<byte> bytes)
    {
        Id = id;
        Mark = mark;
        Checksum = checksum;
        IsSuperpacket = isSuperpacket;
        IsTruncated = isTruncated;
        Bytes = bytes;
    }

    /// <summary>The number under which the system knows it; grows, wraps at 2^32.</summary>
    public uint Id { get; }

    /// <summary>The mark that the packet carries; 0 where the system has none.</summary>
    public uint Mark { get; }

    /// <summary>What the transport checksum field holds.</summary>
    public ChecksumState Checksum { get; }

    /// <summary>Whether the packet has still to be cut into segments, of a size that the system doesn't tell. Only with offload.</summary>
    public bool IsSuperpacket { get; }

    /// <summary>Whether octets at the end are missing.</summary>
    public bool IsTruncated { get; }

    /// <summary>The packet, IP header first, in a buffer that may be changed.</summary>
    public Span<byte> Bytes { get; }
}

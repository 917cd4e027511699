namespace Twins.Packets;

/// <summary>What the checksum field of a transport header holds.</summary>
public enum ChecksumState
{
    /// <summary>The finished sum, as it goes over a wire.</summary>
    Complete = 0,

    /// <summary>
    /// The sum is left to offload: the field holds the folded, uncomplemented sum of the pseudo-header
    /// (CHECKSUM_PARTIAL in the kernel; NFQA_SKB_CSUMNOTREADY; VIRTIO_NET_HDR_F_NEEDS_CSUM).
    /// </summary>
    Partial = 1,
}

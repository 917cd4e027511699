using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>struct virtio_net_hdr (linux/virtio_net.h), in host order: what precedes each packet of a TUN device with IFF_VNET_HDR.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 2)]
internal struct VirtioNetHeader
{
    public const byte NeedsChecksum = 1;
    public const byte SegmentationNone = 0;
    public const byte SegmentationTcp4 = 1;
    public const byte SegmentationTcp6 = 4;
    public const byte SegmentationEcn = 0x80;

    public byte Flags;
    public byte SegmentationType;
    public ushort HeaderLength;
    public ushort SegmentBytes;
    public ushort ChecksumStart;
    public ushort ChecksumOffset;
}

namespace Twins.Capture;

/// <summary>Numbers of the pcapng format (draft-ietf-opsawg-pcapng).</summary>
internal static class PcapngBlock
{
    public const uint SectionHeader = 0x0A0D0D0A;
    public const uint InterfaceDescription = 1;
    public const uint SimplePacket = 3;
    public const uint EnhancedPacket = 6;
    public const uint ByteOrderMagic = 0x1A2B3C4D;

    /// <summary>Type, length before and length behind.</summary>
    public const int FrameBytes = 12;

    public const ushort OptionEnd = 0;
    public const ushort OptionComment = 1;
    public const ushort SectionApplication = 4;
    public const ushort InterfaceName = 2;
    public const ushort InterfaceResolution = 9;
    public const ushort PacketFlags = 2;

    /// <summary>Everything is padded to so many octets.</summary>
    public static int Padded(int length) => (length + 3) & ~3;
}

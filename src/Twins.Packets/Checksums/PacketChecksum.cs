using System.Buffers.Binary;

namespace Twins.Packets;

/// <summary>Transport checksums computed in full.</summary>
internal static class PacketChecksum
{
    public static void Finish(in PacketView packet)
    {
        var offset = OffsetOf(packet);
        if (offset < 0)
            return;
        var field = packet.Transport[offset..];
        BinaryPrimitives.WriteUInt16BigEndian(field, 0);
        var checksum = (ushort)~InternetChecksum.Fold(CoveredSum(packet));
        BinaryPrimitives.WriteUInt16BigEndian(field, checksum == 0 && packet.Protocol == IpProtocol.Udp ? (ushort)0xFFFF : checksum);
    }

    public static bool AreRight(in PacketView packet)
    {
        if (packet.IsIPv4 && InternetChecksum.Fold(InternetChecksum.Sum(packet.Bytes[..packet.Ipv4.HeaderLength])) != 0xFFFF)
            return false;
        var offset = OffsetOf(packet);
        if (offset < 0)
            return true;
        if (packet.IsUdp && BinaryPrimitives.ReadUInt16BigEndian(packet.Transport[offset..]) == 0)
            return packet.IsIPv4;
        return InternetChecksum.Fold(CoveredSum(packet)) == 0xFFFF;
    }

    private static int OffsetOf(in PacketView packet) =>
        packet.Fragment != FragmentPosition.Whole ? -1 : packet.IsIcmp ? IcmpHeader.Offset.Checksum : packet.ChecksumOffset;

    private static ulong CoveredSum(in PacketView packet)
    {
        var covered = packet.IsUdp ? packet.Transport[..packet.Udp.Length] : packet.Transport;
        var pseudoHeader = packet.IsIcmp && packet.IsIPv4
            ? 0
            : InternetChecksum.PseudoHeader(packet.Protocol, packet.Source, packet.Destination, covered.Length);
        return pseudoHeader + InternetChecksum.Sum(covered);
    }
}

namespace Twins.Capture;

/// <summary>Gives raw IP packets the link-layer header that other frames of a file have.</summary>
public static class LinkHeader
{
    /// <summary>The packet as if it came from an interface like the other one, without hardware addresses; unchanged where that isn't Ethernet or cooked.</summary>
    /// <param name="packet">Begins with the IP header.</param>
    /// <param name="like">The other interface.</param>
    public static CapturedFrame Add(CapturedFrame packet, CaptureInterface like)
    {
        ArgumentNullException.ThrowIfNull(packet);
        ArgumentNullException.ThrowIfNull(like);
        ReadOnlySpan<byte> type = !packet.Octets.IsEmpty && packet.Octets.Span[0] >> 4 == 6 ? [0x86, 0xDD] : [0x08, 0x00];
        byte[] header = like.LinkType switch
        {
            LinkType.Ethernet => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, .. type],
            // To this host, ARPHRD_NONE, no address.
            LinkType.LinuxCooked => [0, 0, 0xFF, 0xFE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, .. type],
            LinkType.LinuxCooked2 => [.. type, 0, 0, 0, 0, 0, 0, 0xFF, 0xFE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            _ => [],
        };
        if (header.Length == 0 || packet.Interface.LinkType != CaptureInterface.RawIp)
            return packet;
        return packet with
        {
            Interface = packet.Interface with { LinkType = like.LinkType, SnapLength = like.SnapLength },
            Octets = (byte[])[.. header, .. packet.Octets.Span],
            Length = packet.Length + header.Length,
        };
    }
}

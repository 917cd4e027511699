using System.Buffers.Binary;

namespace Twins.Packets;

/// <summary>Writes ICMP errors about IPv4 packets.</summary>
public static class IcmpError
{
    /// <summary>Octets of an error at most, IP header included (RFC 1812, 4.3.2.3).</summary>
    public const int MaximumLength = 576;

    private const byte DestinationUnreachable = 3;
    private const byte FragmentationNeeded = 4;
    private const byte TimeToLive = 64;

    /// <summary>
    /// Tells the sender of a packet that it is too large (RFC 792, RFC 1191, 4): from and to the packet's source, quoting as much of it
    /// as fits, without extensions (RFC 4884, 5.5: no length is given then).
    /// </summary>
    /// <param name="error">Where it is written; at least <see cref="MaximumLength"/> octets.</param>
    /// <param name="packet">The packet, IPv4 header first; at least that header.</param>
    /// <param name="mtu">The largest packet that would have gone, in octets.</param>
    /// <returns>Octets written.</returns>
    public static int WriteFragmentationNeeded(Span<byte> error, ReadOnlySpan<byte> packet, ushort mtu)
    {
        const int headers = Ipv4Header.MinimumLength + IcmpHeader.HeaderLength;
        var quoted = packet[..Math.Min(packet.Length, MaximumLength - headers)];
        var length = headers + quoted.Length;
        error = error[..length];
        error[..headers].Clear();
        quoted.CopyTo(error[headers..]);

        error[Ipv4Header.Offset.Version] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(error[Ipv4Header.Offset.TotalLength..], (ushort)length);
        error[Ipv4Header.Offset.TimeToLive] = TimeToLive;
        error[Ipv4Header.Offset.Protocol] = (byte)IpProtocol.Icmp;
        var source = packet.Slice(Ipv4Header.Offset.Source, 4);
        source.CopyTo(error[Ipv4Header.Offset.Source..]);
        source.CopyTo(error[Ipv4Header.Offset.Destination..]);
        BinaryPrimitives.WriteUInt16BigEndian(
            error[Ipv4Header.Offset.Checksum..], InternetChecksum.Compute(error[..Ipv4Header.MinimumLength]));

        var message = error[Ipv4Header.MinimumLength..];
        message[IcmpHeader.Offset.Type] = DestinationUnreachable;
        message[IcmpHeader.Offset.Code] = FragmentationNeeded;
        BinaryPrimitives.WriteUInt16BigEndian(message[(IcmpHeader.Offset.Rest + 2)..], mtu);
        BinaryPrimitives.WriteUInt16BigEndian(message[IcmpHeader.Offset.Checksum..], InternetChecksum.Compute(message));
        return length;
    }
}

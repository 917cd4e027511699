using System.Buffers.Binary;

namespace Twins.Packets;

/// <summary>Changes addresses and ports in place, and the checksums by what has changed.</summary>
internal static class PacketRewriter
{
    public static void Rewrite(in PacketView packet, in FiveTuple to, ChecksumState checksum)
    {
        Require(to, packet.Protocol, packet.IsIPv4);
        var bytes = packet.Bytes;
        var change = packet.IsIPv4
            ? RewriteV4(bytes, to.Source.Address, to.Destination.Address)
            : RewriteV6(bytes, to.Source.Address, to.Destination.Address);
        if (packet.HasPorts)
        {
            // The pseudo-header, all that a partial sum holds, has no ports.
            var ports = RewritePorts(bytes[packet.TransportOffset..], to);
            if (checksum == ChecksumState.Complete)
                change += ports;
        }

        var offset = packet.ChecksumOffset;
        if (offset >= 0)
            Update(bytes[(packet.TransportOffset + offset)..], change, checksum, packet.Protocol);
    }

    public static void RewriteQuoted(in PacketView packet, in FiveTuple to, InternetAddress source, InternetAddress destination)
    {
        if (!packet.TryGetQuoted(out var quoted, out _))
            throw new InvalidOperationException("The packet is no ICMP error that quotes a flow.");
        Require(to, quoted.Protocol, packet.IsIPv4);
        if (source.IsIPv4 != packet.IsIPv4 || destination.IsIPv4 != packet.IsIPv4)
            throw new ArgumentException($"{source} -> {destination}: another family than the packet's.", nameof(destination));

        // What changes inside is covered by the error's own checksum, so its sum is taken before and after.
        var before = InternetChecksum.Fold(InternetChecksum.Sum(quoted.Bytes));
        var inner = quoted.IsIPv4
            ? RewriteV4(quoted.Bytes, to.Source.Address, to.Destination.Address)
            : RewriteV6(quoted.Bytes, to.Source.Address, to.Destination.Address);
        inner += RewritePorts(quoted.Bytes[quoted.TransportOffset..], to);
        if (quoted.ChecksumOffset >= 0)
            Update(quoted.Bytes[quoted.ChecksumOffset..], inner, ChecksumState.Complete, quoted.Protocol);
        var after = InternetChecksum.Fold(InternetChecksum.Sum(quoted.Bytes));

        var outer = packet.IsIPv4 ? RewriteV4(packet.Bytes, source, destination) : RewriteV6(packet.Bytes, source, destination);
        var change = (ulong)(ushort)~before + after + (packet.IsIPv4 ? 0 : outer);
        Update(packet.Transport[IcmpHeader.Offset.Checksum..], change, ChecksumState.Complete, packet.Protocol);
    }

    private static void Require(in FiveTuple to, IpProtocol protocol, bool isIPv4)
    {
        if (to.Protocol != protocol || to.Source.Address.IsIPv4 != isIPv4 || to.Destination.Address.IsIPv4 != isIPv4)
            throw new ArgumentException($"{to}: another family or protocol than the packet's.", nameof(to));
    }

    private static ulong RewriteV4(Span<byte> packet, InternetAddress source, InternetAddress destination)
    {
        var addresses = packet[..Ipv4Header.MinimumLength];
        var oldSource = BinaryPrimitives.ReadUInt32BigEndian(addresses[Ipv4Header.Offset.Source..]);
        var oldDestination = BinaryPrimitives.ReadUInt32BigEndian(addresses[Ipv4Header.Offset.Destination..]);
        var newSource = source.ToIPv4();
        var newDestination = destination.ToIPv4();
        BinaryPrimitives.WriteUInt32BigEndian(addresses[Ipv4Header.Offset.Source..], newSource);
        BinaryPrimitives.WriteUInt32BigEndian(addresses[Ipv4Header.Offset.Destination..], newDestination);
        var change = (ulong)~oldSource + ~oldDestination + newSource + newDestination;
        var field = addresses[Ipv4Header.Offset.Checksum..];
        BinaryPrimitives.WriteUInt16BigEndian(
            field, InternetChecksum.Update(BinaryPrimitives.ReadUInt16BigEndian(field), change, ChecksumState.Complete));
        return change;
    }

    private static ulong RewriteV6(Span<byte> packet, InternetAddress source, InternetAddress destination)
    {
        var header = Ipv6Header.Checked(packet);
        var change = header.Source.ComplementSum + header.Destination.ComplementSum + source.WordSum + destination.WordSum;
        source.WriteTo(packet[Ipv6Header.Offset.Source..]);
        destination.WriteTo(packet[Ipv6Header.Offset.Destination..]);
        return change;
    }

    private static ulong RewritePorts(Span<byte> transport, in FiveTuple to)
    {
        var old = BinaryPrimitives.ReadUInt32BigEndian(transport);
        var ports = (uint)to.Source.Port << 16 | to.Destination.Port;
        BinaryPrimitives.WriteUInt32BigEndian(transport, ports);
        return (ulong)~old + ports;
    }

    private static void Update(Span<byte> field, ulong change, ChecksumState state, IpProtocol protocol)
    {
        var old = BinaryPrimitives.ReadUInt16BigEndian(field);

        // A UDP checksum of 0 says that there is none (RFC 768); one that comes out as 0 is sent as 0xFFFF.
        if (protocol == IpProtocol.Udp && state == ChecksumState.Complete && old == 0)
            return;
        var updated = InternetChecksum.Update(old, change, state);
        if (protocol == IpProtocol.Udp && state == ChecksumState.Complete && updated == 0)
            updated = 0xFFFF;
        BinaryPrimitives.WriteUInt16BigEndian(field, updated);
    }
}

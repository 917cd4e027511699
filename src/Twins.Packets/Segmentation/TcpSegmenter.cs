namespace Twins.Packets;

/// <summary>
/// Cuts a TCP superpacket (GSO, GRO; up to 65,535 octets) into segments as a network card's segmentation offload would:
/// headers copied, sequence numbers, IPv4 identifications and lengths counted on, CWR only on the first, FIN and PSH only on the
/// last, complete checksums. The superpacket itself is only read and its checksums don't matter; rewrite it before cutting.
/// </summary>
public ref struct TcpSegmenter
{
    private const TcpFlags OnLast = TcpFlags.Fin | TcpFlags.Psh;
    private readonly PacketView _packet;
    private readonly int _headerLength;
    private readonly int _maximumPayload;
    private int _done;
    private int _index;

    private TcpSegmenter(in PacketView packet, int maximumPayload)
    {
        _packet = packet;
        _headerLength = packet.TransportOffset + packet.Tcp.HeaderLength;
        _maximumPayload = maximumPayload;
        var payload = packet.Length - _headerLength;
        Count = Math.Max(1, (payload + maximumPayload - 1) / maximumPayload);
        MaximumLength = _headerLength + Math.Min(payload, maximumPayload);
    }

    /// <summary>How many segments there will be, 1 to 65,495.</summary>
    public int Count { get; }

    /// <summary>Octets of the longest segment, IP header included: what the buffer must hold.</summary>
    public int MaximumLength { get; }

    /// <summary>Begins to cut.</summary>
    /// <param name="packet">The superpacket.</param>
    /// <param name="maximumPayloadBytes">Octets of data per segment (gso_size of virtio_net_hdr), 1 or more.</param>
    /// <param name="segmenter">What cuts, if it can be cut.</param>
    /// <returns>False if the packet is not a whole TCP packet, or opens or resets a connection and is too long for one segment.</returns>
    /// <exception cref="ArgumentOutOfRangeException">No octet per segment.</exception>
    public static bool TryCreate(in PacketView packet, int maximumPayloadBytes, out TcpSegmenter segmenter)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maximumPayloadBytes, 1);
        segmenter = default;
        if (!packet.IsTcp || packet.Fragment != FragmentPosition.Whole)
            return false;
        var candidate = new TcpSegmenter(packet, maximumPayloadBytes);
        if (candidate.Count > 1 && (packet.Tcp.Flags & (TcpFlags.Syn | TcpFlags.Rst)) != 0)
            return false;
        segmenter = candidate;
        return true;
    }

    /// <summary>Writes the next segment.</summary>
    /// <param name="buffer">At least <see cref="MaximumLength"/> octets, not those of the superpacket.</param>
    /// <param name="length">Octets written.</param>
    /// <returns>False when all have been written.</returns>
    /// <exception cref="ArgumentException">The buffer is too short.</exception>
    public bool TryNext(scoped Span<byte> buffer, out int length)
    {
        length = 0;
        if (_index == Count)
            return false;
        if (buffer.Length < MaximumLength)
            throw new ArgumentException($"A segment needs {MaximumLength} octets, the buffer has {buffer.Length}.", nameof(buffer));
        var payload = Math.Min(_maximumPayload, _packet.Length - _headerLength - _done);
        length = _headerLength + payload;
        _packet.Bytes[.._headerLength].CopyTo(buffer);
        _packet.Bytes.Slice(_headerLength + _done, payload).CopyTo(buffer[_headerLength..]);
        WriteHeaders(buffer[..length]);
        _done += payload;
        _index++;
        return true;
    }

    private readonly void WriteHeaders(scoped Span<byte> segment)
    {
        if (_packet.IsIPv4)
        {
            var header = Ipv4Header.Checked(segment);
            header.TotalLength = (ushort)segment.Length;
            header.Identification = unchecked((ushort)(header.Identification + _index));
            header.Checksum = 0;
            header.Checksum = InternetChecksum.Compute(segment[..header.HeaderLength]);
        }
        else
        {
            var header = Ipv6Header.Checked(segment);
            header.PayloadLength = (ushort)(segment.Length - Ipv6Header.HeaderLength);
        }

        var tcp = TcpHeader.Checked(segment[_packet.TransportOffset..]);
        tcp.SequenceNumber += _done;
        var flags = tcp.Flags;
        if (_index > 0)
            flags &= ~TcpFlags.Cwr;
        if (_index < Count - 1)
            flags &= ~OnLast;
        tcp.Flags = flags;
        _packet.AtSameOffsets(segment).FinishChecksum();
    }
}

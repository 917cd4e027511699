using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Twins.Packets;

namespace Twins.Diversion.Linux;

/// <summary>
/// A TCP packet that the kernel cuts as late as it can (GSO), put together from segments where they lie, as the kernel's own GRO
/// does: consecutive segments of one flow that differ in nothing but what cutting makes anew. What is cut from it is what was
/// put in, octet for octet. For one thread.
/// </summary>
public sealed unsafe class Superpacket : IDisposable
{
    // Below the largest IPv4 packet, and below what a netlink attribute carries: the next twin gets it whole.
    private const int MaximumBytes = 65_000;
    private const int MaximumSegments = 64;
    private const int MaximumHeaderBytes = 120;
    private const int IdentificationOffset = 4;
    private const int IpHeaderChecksumOffset = 10;
    private const int FlagsOffset = 13;
    internal const int TcpChecksumOffset = 16;
    private const TcpFlags Closing = TcpFlags.Psh | TcpFlags.Fin;
    private const TcpFlags NeverJoined = TcpFlags.Syn | TcpFlags.Rst | TcpFlags.Urg | TcpFlags.Cwr;

    // Room for what a way out puts in front, the headers, then the data of each segment.
    private readonly IoVector* _vectors = (IoVector*)NativeMemory.AllocZeroed(MaximumSegments + 2, (nuint)sizeof(IoVector));
    private readonly byte* _header = (byte*)NativeMemory.AllocZeroed(MaximumHeaderBytes);
    private readonly IoVector* _segments = (IoVector*)NativeMemory.AllocZeroed(MaximumSegments, (nuint)sizeof(IoVector));
    private SequenceNumber _next;
    private bool _firstIsRight;
    private bool _closed;
    private bool _disposed;

    /// <summary>Segments in it; 0 if it is empty.</summary>
    public int Count { get; private set; }

    /// <summary>Octets of data of each segment but the last, which may have fewer.</summary>
    public int SegmentPayloadBytes { get; private set; }

    /// <summary>Octets of the packet.</summary>
    public int Length { get; private set; }

    /// <summary>Octets of the IP and the TCP header.</summary>
    public int HeaderLength { get; private set; }

    internal int TransportOffset { get; private set; }

    internal uint Destination => *(uint*)(_header + 16);

    /// <summary>A segment, as it was put in.</summary>
    public Span<byte> this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
            return new Span<byte>(_segments[index].Base, (int)_segments[index].Length);
        }
    }

    /// <summary>Makes this segment the first. What was in it is forgotten.</summary>
    /// <param name="segment">Complete, in native or pinned memory that stays as it is until <see cref="Clear"/>.</param>
    /// <returns>Whether others can follow it.</returns>
    public bool TryStart(in PacketView segment)
    {
        Count = 0;
        if (!segment.IsTcp || !segment.IsIPv4 || segment.TransportOffset != Ipv4Header.MinimumLength || segment.Fragment != FragmentPosition.Whole)
            return false;
        var tcp = segment.Tcp;
        var payload = tcp.Payload.Length;
        if (payload == 0 || (tcp.Flags & (NeverJoined | Closing)) != 0)
            return false;
        TransportOffset = segment.TransportOffset;
        HeaderLength = segment.Length - payload;
        segment.Bytes[..HeaderLength].CopyTo(new Span<byte>(_header, MaximumHeaderBytes));
        (Length, SegmentPayloadBytes, _next, _firstIsRight, _closed) = (segment.Length, payload, tcp.SequenceNumber + payload, false, false);
        Put(segment.Bytes);
        return true;
    }

    /// <summary>Makes it a packet that is to be cut already. What was in it is forgotten.</summary>
    /// <param name="packet">As for <see cref="TryStart"/>; its checksums don't matter.</param>
    /// <param name="segmentPayloadBytes">Octets of data per segment, 1 or more.</param>
    /// <returns>False if it can't be cut by the kernel as it has to be.</returns>
    public bool TryWrap(in PacketView packet, int segmentPayloadBytes)
    {
        Count = 0;
        ArgumentOutOfRangeException.ThrowIfLessThan(segmentPayloadBytes, 1);
        if (!packet.IsTcp || !packet.IsIPv4 || packet.Fragment != FragmentPosition.Whole || (packet.Tcp.Flags & NeverJoined) != 0)
            return false;
        TransportOffset = packet.TransportOffset;
        HeaderLength = packet.Length - packet.Tcp.Payload.Length;
        packet.Bytes[..HeaderLength].CopyTo(new Span<byte>(_header, MaximumHeaderBytes));
        (Length, SegmentPayloadBytes, _closed) = (packet.Length, segmentPayloadBytes, true);
        Put(packet.Bytes);
        return true;
    }

    /// <summary>Appends a segment, if it is the next of the same flow and cutting would make exactly it.</summary>
    /// <param name="segment">As for <see cref="TryStart"/>.</param>
    public bool TryAppend(in PacketView segment)
    {
        if (Count == 0 || Count == MaximumSegments || _closed || Length + segment.Length - HeaderLength > MaximumBytes || !segment.IsTcp || !segment.IsIPv4)
            return false;
        var payload = segment.Length - HeaderLength;
        if (payload <= 0 || payload > SegmentPayloadBytes || !HasSameHeaders(segment))
            return false;
        // The kernel computes the sums anew: what was damaged on the way must stay so.
        if (!_firstIsRight && !(PacketView.TryParse(this[0], out var first, out _) && first.HasRightChecksums()))
            return false;
        _firstIsRight = true;
        if (!segment.HasRightChecksums())
            return false;
        var flags = segment.Tcp.Flags;
        _header[TransportOffset + FlagsOffset] |= (byte)(flags & Closing);
        _closed = payload < SegmentPayloadBytes || (flags & Closing) != 0;
        _next += payload;
        Length += payload;
        Put(segment.Bytes);
        return true;
    }

    /// <summary>Makes it empty: the segments' memory is not needed any more.</summary>
    public void Clear() => Count = 0;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_header);
        NativeMemory.Free(_segments);
    }

    /// <summary>The packet in pieces, with the pseudo-header's sum as its checksum; the first piece is free for what goes in front.</summary>
    internal IoVector* Finish(out int count)
    {
        var header = new Span<byte>(_header, HeaderLength);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)Length);
        BinaryPrimitives.WriteUInt16BigEndian(header[IpHeaderChecksumOffset..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(header[IpHeaderChecksumOffset..], InternetChecksum.Compute(header[..TransportOffset]));
        var ip = new ReadOnlySpan<byte>(_header, Ipv4Header.MinimumLength);
        var sum = InternetChecksum.Sum(ip[12..]) + (byte)IpProtocol.Tcp + (uint)(Length - TransportOffset);
        BinaryPrimitives.WriteUInt16BigEndian(header[(TransportOffset + TcpChecksumOffset)..], InternetChecksum.Fold(sum));
        _vectors[1] = new IoVector { Base = _header, Length = (nuint)HeaderLength };
        for (var i = 0; i < Count; i++)
            _vectors[i + 2] = new IoVector { Base = (byte*)_segments[i].Base + HeaderLength, Length = _segments[i].Length - (nuint)HeaderLength };
        count = Count + 2;
        return _vectors;
    }

    private void Put(Span<byte> segment) =>
        _segments[Count++] = new IoVector { Base = Unsafe.AsPointer(ref MemoryMarshal.GetReference(segment)), Length = (nuint)segment.Length };

    // The same but for lengths, identification counted on, sequence number, the flags of a last segment, and the sums.
    private bool HasSameHeaders(in PacketView segment)
    {
        var ours = new ReadOnlySpan<byte>(_header, HeaderLength);
        ReadOnlySpan<byte> theirs = segment.Bytes;
        var identification = (ushort)(BinaryPrimitives.ReadUInt16BigEndian(ours[IdentificationOffset..]) + Count);
        var flags = segment.Tcp.Flags;
        return ours[..2].SequenceEqual(theirs[..2])
            && BinaryPrimitives.ReadUInt16BigEndian(theirs[IdentificationOffset..]) == identification
            && ours[6..IpHeaderChecksumOffset].SequenceEqual(theirs[6..IpHeaderChecksumOffset])
            && ours[12..24].SequenceEqual(theirs[12..24])  // addresses and ports
            && segment.Tcp.SequenceNumber == _next
            && ours[28..33].SequenceEqual(theirs[28..33])  // acknowledgment number and header length
            && (flags & ~Closing) == ((TcpFlags)ours[TransportOffset + FlagsOffset] & ~Closing)
            && ours[34..36].SequenceEqual(theirs[34..36])  // window
            && ours[38..].SequenceEqual(theirs[38..HeaderLength]); // urgent pointer and options
    }
}

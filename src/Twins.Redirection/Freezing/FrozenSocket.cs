using System.Buffers.Binary;
using Twins.Packets;

namespace Twins.Redirection;

/// <summary>
/// A socket that is frozen, and speaks through this while its process is on its way: it acknowledges what it had before the
/// freeze, and gives a window of zero. So the peer goes on waiting (RFC 9293, 3.8.6.1) where it would give up otherwise, and its
/// keepalive probes are answered. Nothing that is held is ever acknowledged. For one thread.
/// </summary>
public sealed class FrozenSocket
{
    /// <summary>The longest answer: the headers of IPv4 and TCP, and the timestamps option.</summary>
    public const int LongestAnswerBytes = IpHeaderBytes + TcpHeader.MinimumLength + TimestampsBytes;

    /// <summary>How long a peer that sends a burst waits for the next answer.</summary>
    public const long PauseMilliseconds = 100;

    private const int IpHeaderBytes = 20;
    private const int TimestampsBytes = 12;
    private const byte TimestampsOption = 8;
    private const byte DoNotFragment = 0x40;
    private const byte HopLimit = 64;
    private readonly FiveTuple _outbound;
    private readonly SequenceNumber _sendNext;
    private readonly SequenceNumber _receiveNext;
    private readonly uint? _timestamp;
    private long _notBefore = long.MinValue;

    /// <summary>What the socket would say.</summary>
    /// <param name="outbound">H:p to P:q; TCP over IPv4.</param>
    /// <param name="sendNext">SND.NXT (RFC 9293, 3.3.1).</param>
    /// <param name="receiveNext">RCV.NXT.</param>
    /// <param name="timestamp">TSval (RFC 7323) of what it says next; null if the connection has no timestamps.</param>
    /// <exception cref="ArgumentException">Another protocol or family.</exception>
    public FrozenSocket(FiveTuple outbound, SequenceNumber sendNext, SequenceNumber receiveNext, uint? timestamp)
    {
        if (outbound.Protocol != IpProtocol.Tcp || !outbound.Source.Address.IsIPv4 || !outbound.Destination.Address.IsIPv4)
            throw new ArgumentException($"{outbound} is not TCP over IPv4.", nameof(outbound));
        _outbound = outbound;
        _sendNext = sendNext;
        _receiveNext = receiveNext;
        _timestamp = timestamp;
    }

    /// <summary>
    /// Whether the peer wants an answer: it sends data, its end, or a probe (which lies before what the socket expects). A mere
    /// acknowledgment wants none, as it is no answer's business to be answered: two frozen sockets that are each other's peers
    /// would never stop.
    /// </summary>
    public bool IsAskedBy(in TcpHeader segment) =>
        (segment.Flags & (TcpFlags.Ack | TcpFlags.Syn | TcpFlags.Rst)) == TcpFlags.Ack
        && (segment.SequenceLength > 0 || IsProbe(segment));

    /// <summary>
    /// Whether it is a probe of a keepalive or a closed window: it brings nothing new. One octet that the socket had before is a
    /// probe too (RFC 9293, 3.8.4).
    /// </summary>
    public bool IsProbe(in TcpHeader segment) =>
        segment.SequenceNumber < _receiveNext && segment.SequenceNumber + segment.SequenceLength <= _receiveNext;

    /// <summary>Writes the answer to a segment, unless the last one was too short a while ago.</summary>
    /// <param name="segment">What the peer sent, and wants an answer to (<see cref="IsAskedBy"/>).</param>
    /// <param name="nowMilliseconds">The caller's monotonic clock.</param>
    /// <param name="packet">Where it goes: <see cref="LongestAnswerBytes"/>.</param>
    /// <returns>Its octets, checksums complete; 0 if there is none.</returns>
    public int WriteAnswer(in TcpHeader segment, long nowMilliseconds, Span<byte> packet)
    {
        if (nowMilliseconds < _notBefore)
            return 0;
        _notBefore = nowMilliseconds + PauseMilliseconds;
        var headerBytes = TcpHeader.MinimumLength + (_timestamp is null ? 0 : TimestampsBytes);
        packet = packet[..(IpHeaderBytes + headerBytes)];
        packet.Clear();
        WriteIp(packet);
        WriteTcp(packet[IpHeaderBytes..], headerBytes, segment);
        if (!PacketView.TryParse(packet, out var answer, out var fault))
            throw new InvalidOperationException($"An answer that is no packet: {fault}.");
        answer.FinishChecksum();
        return packet.Length;
    }

    private void WriteIp(Span<byte> packet)
    {
        packet[0] = 0x45; // version 4, five words
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)packet.Length);
        (packet[6], packet[8], packet[9]) = (DoNotFragment, HopLimit, (byte)IpProtocol.Tcp);
        _outbound.Source.Address.WriteTo(packet[12..]);
        _outbound.Destination.Address.WriteTo(packet[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(packet[10..], InternetChecksum.Compute(packet[..IpHeaderBytes]));
    }

    private void WriteTcp(Span<byte> header, int headerBytes, in TcpHeader segment)
    {
        BinaryPrimitives.WriteUInt16BigEndian(header, _outbound.Source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], _outbound.Destination.Port);
        BinaryPrimitives.WriteUInt32BigEndian(header[4..], _sendNext.Value);
        BinaryPrimitives.WriteUInt32BigEndian(header[8..], _receiveNext.Value);
        (header[12], header[13]) = ((byte)(headerBytes / 4 << 4), (byte)TcpFlags.Ack);
        // The window stays zero.
        if (_timestamp is not { } timestamp)
            return;
        (header[20], header[21], header[22], header[23]) = (1, 1, TimestampsOption, 10);
        BinaryPrimitives.WriteUInt32BigEndian(header[24..], timestamp);
        BinaryPrimitives.WriteUInt32BigEndian(header[28..], TimestampOf(segment));
    }

    private static uint TimestampOf(in TcpHeader segment)
    {
        foreach (var option in segment.EnumerateOptions())
        {
            if (option.Kind == TimestampsOption && option.Value.Length == 8)
                return BinaryPrimitives.ReadUInt32BigEndian(option.Value);
        }

        return 0;
    }
}

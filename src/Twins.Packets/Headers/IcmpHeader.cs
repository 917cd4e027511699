using System.Buffers.Binary;

namespace Twins.Packets;

/// <summary>An ICMP (RFC 792) or ICMPv6 (RFC 4443) message in a buffer that someone else owns.</summary>
public readonly ref struct IcmpHeader
{
    /// <summary>Octets before the body: type, code, checksum and the four that depend on the type.</summary>
    public const int HeaderLength = 8;

    private readonly Span<byte> _message;

    private IcmpHeader(Span<byte> message, bool isV6)
    {
        _message = message;
        IsV6 = isV6;
    }

    /// <summary>Where the fields are.</summary>
    internal static class Offset
    {
        public const int Type = 0;
        public const int Code = 1;
        public const int Checksum = 2;
        public const int Rest = 4;
    }

    /// <summary>Views a message: what the IP header counts as payload.</summary>
    public static bool TryParse(Span<byte> message, bool isV6, out IcmpHeader header, out PacketFault fault)
    {
        header = default;
        fault = Check(message);
        if (fault != PacketFault.None)
            return false;
        header = new IcmpHeader(message, isV6);
        return true;
    }

    internal static PacketFault Check(ReadOnlySpan<byte> message) =>
        message.Length < HeaderLength ? PacketFault.TruncatedTransport : PacketFault.None;

    internal static IcmpHeader Checked(Span<byte> message, bool isV6) => new(message, isV6);

    /// <summary>Whether the message is of ICMPv6.</summary>
    public bool IsV6 { get; }

    /// <summary>The type, of the registry that <see cref="IsV6"/> tells.</summary>
    public byte Type => _message[Offset.Type];

    /// <summary>The code.</summary>
    public byte Code => _message[Offset.Code];

    /// <summary>The checksum field.</summary>
    public ushort Checksum => BinaryPrimitives.ReadUInt16BigEndian(_message[Offset.Checksum..]);

    /// <summary>The four octets after the checksum: next-hop MTU, pointer, or identifier and sequence number.</summary>
    public uint RestOfHeader => BinaryPrimitives.ReadUInt32BigEndian(_message[Offset.Rest..]);

    /// <summary>
    /// Whether the body quotes the packet that the message is about: destination unreachable, source quench, redirect,
    /// time exceeded, parameter problem; for ICMPv6 every error (types below 128: RFC 4443, 2.1).
    /// </summary>
    public bool IsError => IsV6 ? Type is >= 1 and < 128 : Type is 3 or 4 or 5 or 11 or 12;

    /// <summary>What follows the eight octets; of an error the quoted packet, possibly with extensions after it (RFC 4884).</summary>
    public Span<byte> Body => _message[HeaderLength..];
}

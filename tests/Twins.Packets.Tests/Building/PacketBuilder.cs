using System.Buffers.Binary;
using System.Text;

namespace Twins.Packets.Tests;

/// <summary>
/// Builds packets for tests without the code under test: own offsets, own word-by-word checksum.
/// Everything has a default but the two ends.
/// </summary>
internal sealed class PacketBuilder
{
    private readonly Endpoint _source;
    private readonly Endpoint _destination;
    private readonly byte _protocol;
    private readonly List<(byte Type, byte[] Body)> _extensions = [];
    private byte[] _ipOptions = [];
    private byte[] _tcpOptions = [];
    private byte[] _payload = [];
    private byte _flags = 0x10;
    private byte _timeToLive = 64;
    private byte _icmpType;
    private byte _icmpCode;
    private uint _icmpRest;
    private uint _sequence = 1000;
    private uint _acknowledgment = 2000;
    private ushort _window = 502;
    private ushort _identification = 1;
    private ushort _fragment = 0x4000;
    private ChecksumState _state;
    private bool _withoutChecksum;

    private PacketBuilder(byte protocol, string source, string destination)
    {
        _protocol = protocol;
        _source = source.Contains(':', StringComparison.Ordinal) && Endpoint.TryParse(source, out var end) ? end : new(InternetAddress.Parse(source), 0);
        _destination = Endpoint.TryParse(destination, out end) ? end : new(InternetAddress.Parse(destination), 0);
    }

    public static PacketBuilder Tcp(string source, string destination) => new(6, source, destination);

    public static PacketBuilder Udp(string source, string destination) => new(17, source, destination);

    public static PacketBuilder Icmp(string source, string destination, byte type, byte code, uint rest, byte[] body)
    {
        var builder = new PacketBuilder(source.Contains(':', StringComparison.Ordinal) ? (byte)58 : (byte)1, source, destination)
        {
            _icmpType = type,
            _icmpCode = code,
            _icmpRest = rest,
        };
        return builder.Payload(body);
    }

    public static PacketBuilder Other(byte protocol, string source, string destination) => new(protocol, source, destination);

    /// <summary>Letters of the control bits: F S R P A U E C.</summary>
    public PacketBuilder Flags(string letters) => Do(() => _flags = (byte)letters.Sum(letter => 1 << "FSRPAUEC".IndexOf(letter, StringComparison.Ordinal)));

    public PacketBuilder Sequence(uint value) => Do(() => _sequence = value);

    public PacketBuilder Acknowledgment(uint value) => Do(() => _acknowledgment = value);

    public PacketBuilder Window(ushort value) => Do(() => _window = value);

    public PacketBuilder TcpOptions(params byte[] octets) => Do(() => _tcpOptions = octets);

    public PacketBuilder IpOptions(params byte[] octets) => Do(() => _ipOptions = octets);

    public PacketBuilder Extension(byte type, params byte[] bodyAfterNextHeader) => Do(() => _extensions.Add((type, bodyAfterNextHeader)));

    public PacketBuilder Payload(byte[] octets) => Do(() => _payload = octets);

    public PacketBuilder Payload(string text) => Payload(Encoding.ASCII.GetBytes(text));

    public PacketBuilder Identification(ushort value) => Do(() => _identification = value);

    public PacketBuilder TimeToLive(byte value) => Do(() => _timeToLive = value);

    /// <summary>IPv4: offset in octets, and whether more follow.</summary>
    public PacketBuilder Fragment(int offset, bool more) => Do(() => _fragment = (ushort)(offset >> 3 | (more ? 0x2000 : 0)));

    /// <summary>The transport sum is left to offload.</summary>
    public PacketBuilder Partial() => Do(() => _state = ChecksumState.Partial);

    public PacketBuilder WithoutChecksum() => Do(() => _withoutChecksum = true);

    public byte[] Build()
    {
        var transport = Transport();
        var packet = _source.Address.IsIPv4 ? V4(transport) : V6(transport);
        return packet;
    }

    /// <summary>One's complement sum of big-endian words, folded (RFC 1071), the slow way.</summary>
    public static ushort FoldedSum(params ReadOnlySpan<byte> octets)
    {
        var sum = 0u;
        for (var i = 0; i < octets.Length; i++)
        {
            sum += (uint)(octets[i] << (i % 2 == 0 ? 8 : 0));
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)sum;
    }

    private PacketBuilder Do(Action change)
    {
        change();
        return this;
    }

    private byte[] Transport()
    {
        byte[] header = _protocol switch
        {
            6 => TcpHeader(),
            17 => [.. Big(_source.Port), .. Big(_destination.Port), .. Big((ushort)(8 + _payload.Length)), 0, 0],
            1 or 58 => [_icmpType, _icmpCode, 0, 0, .. Big((ushort)(_icmpRest >> 16)), .. Big((ushort)_icmpRest)],
            _ => [],
        };
        byte[] transport = [.. header, .. _payload];
        var offset = _protocol switch { 6 => 16, 17 => 6, 1 or 58 => 2, _ => -1 };
        if (offset >= 0 && !_withoutChecksum && (_fragment & 0x1FFF) == 0)
            Big(Checksum(transport)).CopyTo(transport, offset);
        return (_fragment & 0x1FFF) != 0 ? _payload : transport;
    }

    private ushort Checksum(byte[] transport)
    {
        byte[] pseudo = _protocol == 1
            ? []
            : [.. _source.Address.ToBytes(), .. _destination.Address.ToBytes(), 0, _protocol, .. Big((ushort)transport.Length)];
        if (_state == ChecksumState.Partial)
            return FoldedSum(pseudo);
        var checksum = (ushort)~FoldedSum([.. pseudo, .. transport]);
        return checksum == 0 && _protocol == 17 ? (ushort)0xFFFF : checksum;
    }

    private byte[] TcpHeader()
    {
        var header = new byte[20 + _tcpOptions.Length];
        BinaryPrimitives.WriteUInt16BigEndian(header, _source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), _destination.Port);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), _sequence);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(8), _acknowledgment);
        header[12] = (byte)(header.Length / 4 << 4);
        header[13] = _flags;
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(14), _window);
        _tcpOptions.CopyTo(header, 20);
        return header;
    }

    private byte[] V4(byte[] transport)
    {
        var header = new byte[20 + _ipOptions.Length];
        header[0] = (byte)(0x40 | header.Length / 4);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)(header.Length + transport.Length));
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(4), _identification);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(6), _fragment);
        header[8] = _timeToLive;
        header[9] = _protocol;
        _source.Address.ToBytes().CopyTo(header, 12);
        _destination.Address.ToBytes().CopyTo(header, 16);
        _ipOptions.CopyTo(header, 20);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(10), (ushort)~FoldedSum(header));
        return [.. header, .. transport];
    }

    private byte[] V6(byte[] transport)
    {
        byte[] extensions = [];
        var next = _protocol;
        foreach (var (type, body) in Enumerable.Reverse(_extensions))
        {
            extensions = [next, .. body, .. extensions];
            next = type;
        }

        return
        [
            0x60, 0, 0, 0, .. Big((ushort)(extensions.Length + transport.Length)), next, _timeToLive,
            .. _source.Address.ToBytes(), .. _destination.Address.ToBytes(), .. extensions, .. transport,
        ];
    }

    private static byte[] Big(ushort value) => [(byte)(value >> 8), (byte)value];
}

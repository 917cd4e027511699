using System.Buffers.Binary;
using System.Text;

namespace Twins.Capture;

/// <summary>Reads pcapng files; the type of the first block has been read. Blocks that it doesn't know are passed over.</summary>
internal sealed class PcapngReader(FileOctets input)
{
    private const int EnhancedPacketBytes = 20;
    private const int MostInterfaces = 65_536;
    private readonly List<(CaptureInterface Interface, byte Resolution)> _interfaces = [];
    private bool _isBigEndian;

    public IEnumerable<CapturedFrame> Read()
    {
        ReadSection();
        while (input.TryRead(4, "a block's type") is { } typeOctets)
        {
            // The one type that reads the same in either order.
            if (Read32(typeOctets.Span) == PcapngBlock.SectionHeader)
            {
                ReadSection();
                continue;
            }

            var type = Read32(typeOctets.Span);
            var body = ReadBody(Read32(input.Read(4, "a block's length").Span));
            switch (type)
            {
                case PcapngBlock.InterfaceDescription:
                    AddInterface(body.Span);
                    break;
                case PcapngBlock.EnhancedPacket:
                    yield return ReadPacket(body);
                    break;
                case PcapngBlock.SimplePacket:
                    yield return ReadSimplePacket(body);
                    break;
            }
        }
    }

    private void ReadSection()
    {
        var length = input.Read(4, "the section's length");
        var magic = input.Read(4, "the byte-order magic").Span;
        _isBigEndian = BinaryPrimitives.ReadUInt32BigEndian(magic) == PcapngBlock.ByteOrderMagic;
        if (!_isBigEndian && BinaryPrimitives.ReadUInt32LittleEndian(magic) != PcapngBlock.ByteOrderMagic)
            throw input.Broken("a section without the byte-order magic");
        var count = Read32(length.Span);
        if (count < 28)
            throw input.Broken($"a section header of {count} octets");
        ReadBody(count - 4);
        _interfaces.Clear();
    }

    /// <summary>What a block holds, and the length behind it.</summary>
    private ReadOnlyMemory<byte> ReadBody(uint length)
    {
        if (length < PcapngBlock.FrameBytes || length > FileOctets.MostBytes || length % 4 != 0)
            throw input.Broken($"a block of {length} octets");
        var octets = input.Read((int)length - 8, "a block");
        return octets[..^4];
    }

    private void AddInterface(ReadOnlySpan<byte> body)
    {
        if (body.Length < 8 || _interfaces.Count == MostInterfaces)
            throw input.Broken("an interface that is none, or too many of them");
        var (name, resolution) = ("", (byte)6);
        var options = body[8..];
        while (TryTakeOption(ref options, out var option, out var value))
        {
            if (option == PcapngBlock.InterfaceName)
                name = Encoding.UTF8.GetString(value);
            else if (option == PcapngBlock.InterfaceResolution && value.Length >= 1)
                resolution = value[0];
        }

        _interfaces.Add((new CaptureInterface(name, Read16(body), (int)Math.Min(Read32(body[4..]), int.MaxValue)), resolution));
    }

    private CapturedFrame ReadPacket(ReadOnlyMemory<byte> body)
    {
        var octets = body.Span;
        if (octets.Length < EnhancedPacketBytes)
            throw input.Broken("a packet block that is too short");
        var number = Read32(octets);
        if (number >= _interfaces.Count)
            throw input.Broken($"a packet of interface {number}, which isn't described");
        var kept = Read32(octets[12..]);
        if (kept > octets.Length - EnhancedPacketBytes)
            throw input.Broken($"a packet of {kept} octets in a block that has fewer");
        var (where, resolution) = _interfaces[(int)number];
        var (comment, direction) = ("", FrameDirection.Unknown);
        var options = octets[Math.Min(EnhancedPacketBytes + PcapngBlock.Padded((int)kept), octets.Length)..];
        while (TryTakeOption(ref options, out var option, out var value))
        {
            if (option == PcapngBlock.OptionComment && comment.Length == 0)
                comment = Encoding.UTF8.GetString(value);
            else if (option == PcapngBlock.PacketFlags && value.Length == 4)
                direction = (FrameDirection)(Read32(value) & 3);
        }

        var time = (ulong)Read32(octets[4..]) << 32 | Read32(octets[8..]);
        return new CapturedFrame(
            where,
            ToNanoseconds(time, resolution),
            body.Slice(EnhancedPacketBytes, (int)kept),
            (int)Math.Min(Read32(octets[16..]), int.MaxValue),
            direction > FrameDirection.Outbound ? FrameDirection.Unknown : direction,
            comment);
    }

    private CapturedFrame ReadSimplePacket(ReadOnlyMemory<byte> body)
    {
        if (body.Length < 4 || _interfaces.Count == 0)
            throw input.Broken("a packet block that is too short, or without an interface");
        var (where, _) = _interfaces[0];
        var length = (int)Math.Min(Read32(body.Span), int.MaxValue);
        var kept = Math.Min(Math.Min(length, body.Length - 4), where.SnapLength == 0 ? int.MaxValue : where.SnapLength);
        return new CapturedFrame(where, 0, body.Slice(4, kept), length);
    }

    private static long ToNanoseconds(ulong time, byte resolution)
    {
        var seconds = (resolution & 0x80) != 0 ? Math.Pow(2, -(resolution & 0x7F)) : Math.Pow(10, -resolution);
        return resolution switch
        {
            9 => (long)time,
            6 => unchecked((long)(time * 1000)),
            _ => (long)Math.Min(time * seconds * 1e9, long.MaxValue / 2),
        };
    }

    private bool TryTakeOption(ref ReadOnlySpan<byte> options, out ushort option, out ReadOnlySpan<byte> value)
    {
        option = PcapngBlock.OptionEnd;
        value = default;
        if (options.Length < 4)
            return false;
        option = Read16(options);
        var length = Read16(options[2..]);
        if (option == PcapngBlock.OptionEnd || length > options.Length - 4)
            return false;
        value = options.Slice(4, length);
        options = options[Math.Min(4 + PcapngBlock.Padded(length), options.Length)..];
        return true;
    }

    private uint Read32(ReadOnlySpan<byte> octets) => _isBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(octets) : BinaryPrimitives.ReadUInt32LittleEndian(octets);

    private ushort Read16(ReadOnlySpan<byte> octets) => _isBigEndian ? BinaryPrimitives.ReadUInt16BigEndian(octets) : BinaryPrimitives.ReadUInt16LittleEndian(octets);
}

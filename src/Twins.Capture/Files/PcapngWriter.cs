using System.Buffers.Binary;
using System.Text;

namespace Twins.Capture;

/// <summary>
/// Writes frames with comments into a pcapng file (draft-ietf-opsawg-pcapng), little-endian, times in nanoseconds. An interface is described before its
/// first frame. Not thread safe.
/// </summary>
public sealed class PcapngWriter : IDisposable
{
    private const int MostCommentBytes = 0xFFFC;
    private readonly Stream _stream;
    private readonly Dictionary<CaptureInterface, int> _interfaces = [];
    private readonly MemoryStream _body = new();

    /// <summary>Begins a section.</summary>
    /// <param name="stream">Where to; it is closed with the writer.</param>
    /// <param name="application">What writes it.</param>
    /// <exception cref="IOException">It can't be written.</exception>
    public PcapngWriter(Stream stream, string application)
    {
        ArgumentNullException.ThrowIfNull(stream);
        _stream = stream;
        Write32(PcapngBlock.ByteOrderMagic);
        Write16(1); // version 1.0
        Write16(0);
        Write32(uint.MaxValue); // length of the section: not known yet
        Write32(uint.MaxValue);
        WriteText(PcapngBlock.SectionApplication, application);
        Write32(PcapngBlock.OptionEnd);
        EndBlock(PcapngBlock.SectionHeader);
    }

    /// <summary>Writes a frame.</summary>
    /// <param name="frame">The frame; its own comment isn't written.</param>
    /// <param name="octets">How many of its octets, from the first on.</param>
    /// <param name="comment">What is said about it; empty: nothing.</param>
    /// <exception cref="IOException">It can't be written.</exception>
    public void Write(CapturedFrame frame, int octets, string comment)
    {
        ArgumentNullException.ThrowIfNull(frame);
        var number = NumberOf(frame.Interface);
        Write32((uint)number);
        Write32((uint)((ulong)frame.Nanoseconds >> 32));
        Write32((uint)frame.Nanoseconds);
        Write32((uint)octets);
        Write32((uint)Math.Max(frame.Length, octets));
        WritePadded(frame.Octets.Span[..octets]);
        if (comment.Length > 0)
            WriteText(PcapngBlock.OptionComment, comment);
        if (frame.Direction != FrameDirection.Unknown)
        {
            Write16(PcapngBlock.PacketFlags);
            Write16(4);
            Write32((uint)frame.Direction);
        }

        Write32(PcapngBlock.OptionEnd);
        EndBlock(PcapngBlock.EnhancedPacket);
    }

    /// <summary>Hands all that was written to the system.</summary>
    public void Flush() => _stream.Flush();

    /// <inheritdoc/>
    public void Dispose()
    {
        _stream.Dispose();
        _body.Dispose();
    }

    private int NumberOf(CaptureInterface where)
    {
        if (_interfaces.TryGetValue(where, out var number))
            return number;
        Write16((ushort)where.LinkType);
        Write16(0);
        Write32((uint)where.SnapLength);
        WriteText(PcapngBlock.InterfaceName, where.Name);
        Write16(PcapngBlock.InterfaceResolution);
        Write16(1);
        WritePadded([9]); // 10^-9 s
        Write32(PcapngBlock.OptionEnd);
        EndBlock(PcapngBlock.InterfaceDescription);
        return _interfaces[where] = _interfaces.Count;
    }

    private void WriteText(ushort option, string text)
    {
        var octets = Encoding.UTF8.GetBytes(text);
        var length = Math.Min(octets.Length, MostCommentBytes);
        Write16(option);
        Write16((ushort)length);
        WritePadded(octets.AsSpan(0, length));
    }

    private void WritePadded(ReadOnlySpan<byte> octets)
    {
        _body.Write(octets);
        for (var i = octets.Length; i < PcapngBlock.Padded(octets.Length); i++)
            _body.WriteByte(0);
    }

    private void Write16(ushort value)
    {
        Span<byte> octets = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(octets, value);
        _body.Write(octets);
    }

    private void Write32(uint value)
    {
        Span<byte> octets = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(octets, value);
        _body.Write(octets);
    }

    // What has been gathered becomes a block.
    private void EndBlock(uint type)
    {
        Span<byte> frame = stackalloc byte[8];
        var length = (uint)(_body.Length + PcapngBlock.FrameBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(frame, type);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], length);
        _stream.Write(frame);
        _stream.Write(_body.GetBuffer().AsSpan(0, (int)_body.Length));
        _stream.Write(frame[4..]);
        _body.SetLength(0);
    }
}

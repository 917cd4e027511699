using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Twins.Diversion.Linux;

/// <summary>
/// Writes nfnetlink messages, one behind the other: headers in host order, what the attributes hold in network order, each
/// attribute padded to four octets. For messages that are written seldom.
/// </summary>
internal sealed class NetlinkWriter
{
    private const ushort NestedFlag = 0x8000;
    private readonly List<byte> _bytes = [];
    private int _message;
    private uint _sequence;

    /// <summary>All that was written.</summary>
    public ReadOnlySpan<byte> Written => CollectionsMarshal.AsSpan(_bytes);

    /// <summary>Begins a message: nlmsghdr, nfgenmsg.</summary>
    public void Begin(ushort type, ushort flags, byte family, ushort resource)
    {
        _message = _bytes.Count;
        Span<byte> header = stackalloc byte[20];
        header.Clear();
        MemoryMarshal.Write(header[4..], type);
        MemoryMarshal.Write(header[6..], flags);
        MemoryMarshal.Write(header[8..], ++_sequence);
        header[16] = family;
        BinaryPrimitives.WriteUInt16BigEndian(header[18..], resource);
        _bytes.AddRange(header);
    }

    /// <summary>Ends the message.</summary>
    public void End() => MemoryMarshal.Write(CollectionsMarshal.AsSpan(_bytes)[_message..], (uint)(_bytes.Count - _message));

    public void Number(ushort type, uint value)
    {
        Span<byte> octets = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(octets, value);
        Add(type, octets);
    }

    public void Text(ushort type, string value) => Add(type, Encoding.ASCII.GetBytes(value + '\0'));

    /// <summary>An attribute that holds attributes.</summary>
    public void Nest(ushort type, Action content)
    {
        var at = _bytes.Count;
        Add((ushort)(type | NestedFlag), []);
        content();
        MemoryMarshal.Write(CollectionsMarshal.AsSpan(_bytes)[at..], (ushort)(_bytes.Count - at));
    }

    private void Add(ushort type, ReadOnlySpan<byte> value)
    {
        Span<byte> header = stackalloc byte[4];
        MemoryMarshal.Write(header, (ushort)(value.Length + 4));
        MemoryMarshal.Write(header[2..], type);
        _bytes.AddRange(header);
        _bytes.AddRange(value);
        while (_bytes.Count % 4 != 0)
            _bytes.Add(0);
    }
}

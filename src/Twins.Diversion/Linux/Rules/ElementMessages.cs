using System.Buffers.Binary;
using Twins.Packets;

namespace Twins.Diversion.Linux;

/// <summary>
/// One transaction of nf_tables that takes elements out of our maps and puts others in, as netlink messages
/// (linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h). Written like this ten thousand elements cost
/// the kernel's own time; as text for libnftables they cost many times that.
/// </summary>
internal sealed class ElementMessages
{
    private const ushort BatchBegin = 0x10, BatchEnd = 0x11;
    private const ushort Subsystem = 10 << 8; // NFNL_SUBSYS_NFTABLES
    private const ushort NewElements = Subsystem | 12, DeleteElements = Subsystem | 14;
    private const ushort RequestFlag = 1, AcknowledgeFlag = 4, CreateFlag = 0x400;
    private const byte InternetFamily = 1; // NFPROTO_INET
    private const ushort Nested = 0x8000;
    private const ushort TableAttribute = 1, SetAttribute = 2, ElementsAttribute = 3; // NFTA_SET_ELEM_LIST_*
    private const ushort ElementAttribute = 1;                                        // NFTA_LIST_ELEM
    private const ushort KeyAttribute = 1, DataAttribute = 2;                         // NFTA_SET_ELEM_*
    private const ushort ValueAttribute = 1;                                          // NFTA_DATA_VALUE
    private const int LongestElement = 4 + 4 + 4 + 44 + 4 + 4 + 4;

    // An attribute's length has 16 bits.
    private const int LongestList = 0xFFFF - LongestElement;
    private const int HeaderBytes = 20; // nlmsghdr 16, nfgenmsg 4
    private const int FlagsOffset = 6;

    private byte[] _buffer = new byte[4096];
    private int _length;
    private int _lastMessage;
    private uint _sequence;

    /// <summary>The number of the last message of elements, the only one that is acknowledged.</summary>
    public uint LastSequence { get; private set; }

    /// <summary>The whole transaction: first what goes, then what comes.</summary>
    public ReadOnlySpan<byte> Write(TargetChanges changes)
    {
        (_length, _sequence) = (0, 0);
        WriteBoundary(BatchBegin);
        WriteAll(DeleteElements, 0, changes.Gone);
        WriteAll(NewElements, CreateFlag, changes.Come);
        BinaryPrimitives.WriteUInt16LittleEndian(_buffer.AsSpan(_lastMessage + FlagsOffset), (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(_buffer.AsSpan(_lastMessage + FlagsOffset)) | AcknowledgeFlag));
        LastSequence = _sequence;
        WriteBoundary(BatchEnd);
        return _buffer.AsSpan(0, _length);
    }

    private void WriteAll(ushort type, ushort flags, IReadOnlyCollection<KeyValuePair<DivertTarget, ushort>> targets)
    {
        foreach (var map in targets.GroupBy(target => RuleText.MapOf(target.Key)))
        {
            var list = -1;
            foreach (var (target, queue) in map)
            {
                if (list >= 0 && _length - list > LongestList)
                    list = EndList(list);
                if (list < 0)
                    list = BeginList(type, flags, map.Key);
                WriteElement(target, queue, withData: type == NewElements && target.Kind != DivertKind.Lingering);
            }

            EndList(list);
        }
    }

    private int BeginList(ushort type, ushort flags, string map)
    {
        _lastMessage = _length;
        WriteHeader(type, (ushort)(RequestFlag | flags), InternetFamily, resource: 0);
        WriteName(TableAttribute, RuleText.TableName);
        WriteName(SetAttribute, map);
        return Begin(ElementsAttribute);
    }

    private int EndList(int list)
    {
        End(list);
        BinaryPrimitives.WriteInt32LittleEndian(_buffer.AsSpan(_lastMessage), _length - _lastMessage);
        return -1;
    }

    private void WriteElement(DivertTarget target, ushort queue, bool withData)
    {
        var element = Begin(ElementAttribute);
        var key = Begin(KeyAttribute);
        var value = Begin(ValueAttribute, nested: false);
        // Each part of a key fills whole registers of four octets.
        Take(4)[0] = (byte)target.Protocol;
        if (target.Kind is DivertKind.Connection or DivertKind.Lingering)
            WriteEndpoint(target.Peer);
        WriteEndpoint(target.Local);
        End(value);
        End(key);
        if (withData)
        {
            var data = Begin(DataAttribute);
            value = Begin(ValueAttribute, nested: false);
            BinaryPrimitives.WriteUInt32LittleEndian(Take(4), Marks.ForQueue(queue));
            End(value);
            End(data);
        }

        End(element);
    }

    private void WriteEndpoint(Endpoint endpoint)
    {
        endpoint.Address.WriteTo(Take(endpoint.Address.Length));
        BinaryPrimitives.WriteUInt16BigEndian(Take(4), endpoint.Port);
    }

    private void WriteName(ushort type, string name)
    {
        var start = Begin(type, nested: false);
        System.Text.Encoding.ASCII.GetBytes(name, Take(name.Length + 1));
        End(start);
        Take(-(name.Length + 1) & 3);
    }

    private void WriteBoundary(ushort type)
    {
        var start = _length;
        WriteHeader(type, RequestFlag, family: 0, resource: Subsystem >> 8);
        BinaryPrimitives.WriteInt32LittleEndian(_buffer.AsSpan(start), _length - start);
    }

    private void WriteHeader(ushort type, ushort flags, byte family, ushort resource)
    {
        var header = Take(HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], type);
        BinaryPrimitives.WriteUInt16LittleEndian(header[FlagsOffset..], flags);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], ++_sequence);
        header[16] = family;
        BinaryPrimitives.WriteUInt16BigEndian(header[18..], resource);
    }

    private int Begin(ushort type, bool nested = true)
    {
        var start = _length;
        BinaryPrimitives.WriteUInt16LittleEndian(Take(4)[2..], (ushort)(nested ? type | Nested : type));
        return start;
    }

    private void End(int start) => BinaryPrimitives.WriteUInt16LittleEndian(_buffer.AsSpan(start), (ushort)(_length - start));

    private Span<byte> Take(int count)
    {
        if (_length + count > _buffer.Length)
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + count));
        var taken = _buffer.AsSpan(_length, count);
        taken.Clear();
        _length += count;
        return taken;
    }
}

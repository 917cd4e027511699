using System.Runtime.InteropServices;
using Twins.Packets;

namespace Twins.Redirection;

/// <summary>
/// Keeps copies of packets, in the order of arrival, until their process or their flow is released. Bounded in octets: beyond the
/// limit the newest packet is refused, or the newest one of the process that holds most makes way for it
/// (<see cref="TryMakeRoom"/>); the sender's TCP repairs that. For one thread.
/// </summary>
/// <remarks>
/// Octets lie in chunks that are used again; a packet costs no object of its own. A chunk is free again when its last packet has gone, so memory
/// may exceed the limit, up to twice the limit and five chunks of 256 KiB, before packets are refused for that alone. What is held is charged with its length and <see cref="OverheadBytes"/> each.
/// </remarks>
public sealed class HoldQueue
{
    /// <summary>The limit unless another is given: 16 MiB.</summary>
    public const long DefaultLimitBytes = 16 << 20;

    /// <summary>What a packet is charged beyond its length, for its record.</summary>
    public const int OverheadBytes = 128;

    private readonly ChunkPool _chunks = new();
    private readonly Dictionary<int, HeldList> _byProcess = [];
    private readonly Dictionary<FiveTuple, HeldList> _byFlow = [];
    private HeldRecord[] _records = [];
    private int _recordsUsed;
    private int _freeRecord = -1;

    /// <summary>An empty queue.</summary>
    /// <param name="limitBytes">What the packets held may be charged in all, 0 or more.</param>
    public HoldQueue(long limitBytes = DefaultLimitBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(limitBytes);
        LimitBytes = limitBytes;
    }

    /// <summary>What the packets held may be charged in all; a lower limit refuses new packets and keeps those that are there.</summary>
    public long LimitBytes { get; set; }

    /// <summary>Packets held now.</summary>
    public int HeldPackets { get; private set; }

    /// <summary>Octets of the packets held now, without overhead.</summary>
    public long HeldBytes { get; private set; }

    /// <summary>What the packets held now are charged: their octets, and <see cref="OverheadBytes"/> each.</summary>
    public long ChargedBytes => HeldBytes + (long)HeldPackets * OverheadBytes;

    /// <summary>Packets held now for one process.</summary>
    public int HeldPacketsOf(int process) => _byProcess.GetValueOrDefault(process, HeldList.Empty).Packets;

    /// <summary>Octets held now for one process.</summary>
    public long HeldBytesOf(int process) => _byProcess.GetValueOrDefault(process, HeldList.Empty).Bytes;

    /// <summary>Packets held now for one flow.</summary>
    public int HeldPacketsOf(in FiveTuple tuple) => _byFlow.GetValueOrDefault(tuple, HeldList.Empty).Packets;

    /// <summary>Copies a packet in behind all that is there.</summary>
    /// <param name="process">The slot it is held for.</param>
    /// <param name="tuple">The flow it is held for.</param>
    /// <param name="token">Anything the caller wants back with it.</param>
    /// <param name="packet">The octets, at most <see cref="ushort.MaxValue"/> and an IPv6 header.</param>
    /// <returns>False if the limit is reached (or the packet too long): the caller drops and counts it.</returns>
    public bool TryAdd(int process, in FiveTuple tuple, ulong token, ReadOnlySpan<byte> packet)
    {
        if (ChargedBytes + packet.Length + OverheadBytes > LimitBytes || !_chunks.TryStore(packet, 2 * LimitBytes, out var place))
            return false;
        var index = TakeRecord();
        ref var record = ref _records[index];
        record = new HeldRecord { Process = process, Tuple = tuple, Token = token, Place = place };
        Append(ref CollectionsMarshal.GetValueRefOrAddDefault(_byProcess, process, out var known), known, index, place.Length, HeldRecord.ByProcess);
        Append(ref CollectionsMarshal.GetValueRefOrAddDefault(_byFlow, tuple, out known), known, index, place.Length, HeldRecord.ByFlow);
        HeldPackets++;
        HeldBytes += place.Length;
        return true;
    }

    /// <summary>Takes the oldest packet of a process out.</summary>
    /// <returns>False if none is held for it.</returns>
    public bool TryTake(int process, out HeldPacket packet) =>
        Take(_byProcess.GetValueOrDefault(process, HeldList.Empty).First, out packet);

    /// <summary>Takes the oldest packet of a flow out.</summary>
    /// <returns>False if none is held for it.</returns>
    public bool TryTake(scoped in FiveTuple tuple, out HeldPacket packet) =>
        Take(_byFlow.GetValueOrDefault(tuple, HeldList.Empty).First, out packet);

    /// <summary>
    /// Drops the newest packet of the process that holds most, for one of another process that found no room. A process that
    /// would hold as much itself with its packet gets none: so each that holds has its share of the limit, whatever the others get.
    /// </summary>
    /// <param name="process">The slot that needs room.</param>
    /// <param name="length">Octets of its packet.</param>
    /// <param name="dropped">The slot whose packet was dropped: the caller counts it, and tries again.</param>
    /// <returns>False if nothing makes way.</returns>
    public bool TryMakeRoom(int process, int length, out int dropped)
    {
        (dropped, var most) = (-1, _byProcess.GetValueOrDefault(process, HeldList.Empty).Charged + length + OverheadBytes);
        foreach (var (other, list) in _byProcess)
        {
            if (other != process && list.Charged > most)
                (dropped, most) = (other, list.Charged);
        }

        return dropped >= 0 && Take(_byProcess[dropped].Last, out _);
    }

    private bool Take(int index, out HeldPacket packet)
    {
        packet = default;
        if (index < 0)
            return false;
        var record = _records[index];
        Unlink(_byProcess, record.Process, record, HeldRecord.ByProcess);
        Unlink(_byFlow, record.Tuple, record, HeldRecord.ByFlow);
        _records[index].Neighbours[HeldRecord.ByProcess].Next = _freeRecord;
        _freeRecord = index;
        HeldPackets--;
        HeldBytes -= record.Place.Length;
        if (HeldPackets == 0)
            (_records, _recordsUsed, _freeRecord) = (_records.Length > 4096 ? [] : _records, 0, -1);
        packet = new HeldPacket(record.Process, record.Tuple, record.Token, _chunks.Release(record.Place));
        return true;
    }

    private int TakeRecord()
    {
        if (_freeRecord >= 0)
        {
            var free = _freeRecord;
            _freeRecord = _records[free].Neighbours[HeldRecord.ByProcess].Next;
            return free;
        }

        if (_recordsUsed == _records.Length)
            Array.Resize(ref _records, Math.Max(256, _records.Length * 2));
        return _recordsUsed++;
    }

    private void Append(ref HeldList list, bool known, int index, int length, int by)
    {
        if (!known)
            list = HeldList.Empty;
        _records[index].Neighbours[by] = (list.Last, -1);
        if (list.Last >= 0)
            _records[list.Last].Neighbours[by].Next = index;
        else
            list.First = index;
        list.Last = index;
        list.Packets++;
        list.Bytes += length;
    }

    private void Unlink<TKey>(Dictionary<TKey, HeldList> lists, TKey key, in HeldRecord record, int by)
        where TKey : notnull
    {
        ref var list = ref CollectionsMarshal.GetValueRefOrNullRef(lists, key);
        var (previous, next) = record.Neighbours[by];
        if (previous >= 0)
            _records[previous].Neighbours[by].Next = next;
        else
            list.First = next;
        if (next >= 0)
            _records[next].Neighbours[by].Previous = previous;
        else
            list.Last = previous;
        list.Packets--;
        list.Bytes -= record.Place.Length;
        if (list.Packets == 0)
            lists.Remove(key);
    }
}

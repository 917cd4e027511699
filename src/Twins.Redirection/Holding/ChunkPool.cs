namespace Twins.Redirection;

/// <summary>Memory for packets: chunks that are filled from the front and free again when nothing in them is left.</summary>
internal sealed class ChunkPool
{
    private const int ChunkBytes = 256 << 10;
    private const int SpareChunks = 4;
    private readonly List<byte[]?> _chunks = [];
    private readonly List<int> _packetsIn = [];
    private readonly Stack<int> _vacant = new();
    private readonly Stack<byte[]> _spare = new();
    private int _current = -1;
    private int _filled;

    private int ChunksInUse => _chunks.Count - _vacant.Count;

    /// <summary>Copies octets in, unless that would take a chunk more than <paramref name="limitBytes"/> allow (one is always allowed).</summary>
    public bool TryStore(ReadOnlySpan<byte> octets, long limitBytes, out ChunkPlace place)
    {
        place = default;
        if (octets.Length > ChunkBytes)
            return false;
        if (_current < 0 || _filled + octets.Length > ChunkBytes)
        {
            if (ChunksInUse > 0 && (ChunksInUse + 1L) * ChunkBytes > limitBytes + ChunkBytes)
                return false;
            Begin();
        }

        place = new ChunkPlace(_current, _filled, octets.Length);
        octets.CopyTo(_chunks[_current].AsSpan(_filled));
        _filled += octets.Length;
        _packetsIn[_current]++;
        return true;
    }

    /// <summary>Gives the place back. Its octets stay until the next <see cref="TryStore"/>.</summary>
    public Span<byte> Release(ChunkPlace place)
    {
        var chunk = _chunks[place.Chunk]!;
        if (--_packetsIn[place.Chunk] == 0)
            Free(place.Chunk);
        return chunk.AsSpan(place.Offset, place.Length);
    }

    private void Begin()
    {
        var chunk = _spare.TryPop(out var spare) ? spare : GC.AllocateUninitializedArray<byte>(ChunkBytes);
        if (_vacant.TryPop(out _current))
        {
            _chunks[_current] = chunk;
        }
        else
        {
            _current = _chunks.Count;
            _chunks.Add(chunk);
            _packetsIn.Add(0);
        }

        _filled = 0;
    }

    private void Free(int index)
    {
        if (index == _current)
        {
            _filled = 0;
            return;
        }

        if (_spare.Count < SpareChunks)
            _spare.Push(_chunks[index]!);
        _chunks[index] = null;
        _vacant.Push(index);
    }
}

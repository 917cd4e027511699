using System.Security.Cryptography;
using System.Threading.Channels;
using Google.Protobuf;
using Twins.Protocol;
using ZstdSharp;

namespace Twins.Manager.Images;

/// <summary>
/// Sends the images of one migration as streams of <see cref="ImageChunk"/>: first, while the process runs, the pages of its
/// memory; then, while it is frozen, the files, in which pages that the destination has already are numbers. On a fast link blocks
/// go as they are: to compress them would take longer than to send them. While the link proves slow (<see cref="LinkSpeed"/>), they
/// are compressed by several workers, each block a zstd frame of its own, while the blocks before are on the wire; at most
/// <see cref="BlocksAhead"/> blocks are in memory.
/// </summary>
/// <param name="migrationId">Told with the first chunk of each file.</param>
/// <param name="time">The clock that the link is measured with; null: the system's.</param>
public sealed class ImageSender(string migrationId, TimeProvider? time = null) : IDisposable
{
    /// <summary>Octets of a file that make one chunk. Half the largest chunk, so that a frame of incompressible octets fits too.</summary>
    public const int BlockBytes = 512 * 1024;

    private const string PrecopiedName = "precopied";
    private const int Level = 1;
    private const int BlocksAhead = 8;

    // One per worker thread: its tables are large and cost more to make than a small block to compress.
    [ThreadStatic]
    private static Compressor? t_compressor;

    private readonly LinkSpeed _link = new(time ?? TimeProvider.System);
    private readonly PageIndex _precopied = new();

    // For blocks of which only a part is kept.
    private readonly byte[] _block = GC.AllocateUninitializedArray<byte>(BlockBytes);

    /// <summary>Sends pages of memory, each content once, so that the files need not hold them.</summary>
    /// <param name="runs">Whole pages; each run is used up before the next is asked for.</param>
    /// <param name="write">Writes one chunk to the stream; not called concurrently.</param>
    /// <param name="progress">Gets the plain octets sent so far.</param>
    /// <param name="cancellationToken">Stops at the next chunk.</param>
    public Task<ImageTransferTotals> SendPagesAsync(
        IEnumerable<ReadOnlyMemory<byte>> runs, Func<ImageChunk, Task> write, IProgress<long>? progress, CancellationToken cancellationToken) =>
        SendAsync(1, blocks => ReadPagesAsync(runs, blocks, cancellationToken), write, progress, cancellationToken);

    /// <summary>Sends the files in the order given.</summary>
    /// <param name="files">What to send.</param>
    /// <param name="write">Writes one chunk to the stream; not called concurrently.</param>
    /// <param name="progress">Gets the plain octets sent so far.</param>
    /// <param name="cancellationToken">Stops at the next chunk.</param>
    /// <exception cref="IOException">A file can't be read.</exception>
    public Task<ImageTransferTotals> SendAsync(
        IReadOnlyList<ImageFile> files, Func<ImageChunk, Task> write, IProgress<long>? progress, CancellationToken cancellationToken) =>
        SendAsync(files.Count, async blocks =>
        {
            foreach (var file in files)
                await ReadFileAsync(file, blocks, cancellationToken).ConfigureAwait(false);
        }, write, progress, cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _precopied.Dispose();

    private async Task<ImageTransferTotals> SendAsync(
        int files, Func<ChannelWriter<Block>, Task> read, Func<ImageChunk, Task> write, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        var blocks = Channel.CreateBounded<Block>(new BoundedChannelOptions(BlocksAhead) { SingleReader = true, SingleWriter = true });
        var reading = Task.Run(() => ReadAsync(read, blocks.Writer), cancellationToken);
        long plain = 0, wire = 0;
        try
        {
            await foreach (var block in blocks.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                var chunk = await block.Ready.ConfigureAwait(false);
                await _link.MeasureAsync(() => write(chunk), chunk.Data.Length).ConfigureAwait(false);
                wire += chunk.Data.Length;
                plain += block.PlainBytes;
                progress?.Report(plain);
            }
        }
        finally
        {
            // A reader that waits for room is let go.
            blocks.Writer.TryComplete();
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return new ImageTransferTotals(files, plain, wire);
    }

    private static async Task ReadAsync(Func<ChannelWriter<Block>, Task> read, ChannelWriter<Block> blocks)
    {
        try
        {
            await read(blocks).ConfigureAwait(false);
            blocks.TryComplete();
        }
        catch (Exception e)
        {
            blocks.TryComplete(e);
        }
    }

    private async Task ReadPagesAsync(IEnumerable<ReadOnlyMemory<byte>> runs, ChannelWriter<Block> blocks, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var chunk = new ImageChunk { MigrationId = migrationId, File = PrecopiedName, Precopied = true };
        var block = GC.AllocateUninitializedArray<byte>(BlockBytes);
        var length = 0;
        foreach (var run in runs)
        {
            for (var at = 0; at < run.Length; at += PageIndex.PageBytes)
            {
                var page = run.Span.Slice(at, PageIndex.PageBytes);
                if (!_precopied.TryAdd(page))
                    continue;
                page.CopyTo(block.AsSpan(length));
                length += page.Length;
                if (length < BlockBytes)
                    continue;
                hash.AppendData(block);
                await blocks.WriteAsync(new Block(Fill(chunk, block, cancellationToken), length), cancellationToken).ConfigureAwait(false);
                (chunk, block, length) = (new ImageChunk(), GC.AllocateUninitializedArray<byte>(BlockBytes), 0);
            }

            if (_precopied.Count == PageIndex.MostPages)
                break;
        }

        hash.AppendData(block, 0, length);
        chunk.Last = true;
        chunk.Sha256 = UnsafeByteOperations.UnsafeWrap(hash.GetHashAndReset());
        chunk.PlainBytes = (ulong)_precopied.Count * PageIndex.PageBytes;
        await blocks.WriteAsync(new Block(Fill(chunk, block.AsMemory(0, length), cancellationToken), length), cancellationToken).ConfigureAwait(false);
    }

    private async Task ReadFileAsync(ImageFile file, ChannelWriter<Block> blocks, CancellationToken cancellationToken)
    {
        using var handle = File.OpenHandle(file.Path, options: FileOptions.SequentialScan);
        var length = RandomAccess.GetLength(handle);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (long offset = 0; offset == 0 || offset < length;)
        {
            var size = (int)Math.Min(BlockBytes, length - offset);
            var mayBeKnown = file.HasPages && _precopied.Count > 0 && size % PageIndex.PageBytes == 0;
            var plain = mayBeKnown && size == BlockBytes ? _block : GC.AllocateUninitializedArray<byte>(size);
            var got = ReadFully(handle, plain, offset);
            if (got < size)
                throw new IOException($"{file.Path} became shorter while it was sent.");
            var chunk = new ImageChunk { SideFile = file.IsSideFile };
            if (offset == 0)
            {
                chunk.MigrationId = migrationId;
                chunk.File = file.Name;
            }

            // Compression of this block goes on while the hash takes it in.
            var unknown = mayBeKnown ? LeaveOutKnown(chunk, plain) : plain;
            var ready = Fill(chunk, unknown, cancellationToken);
            hash.AppendData(unknown);
            hash.AppendNumbers(chunk.Known);
            offset += size;
            if (offset == length)
            {
                chunk.Last = true;
                chunk.Sha256 = UnsafeByteOperations.UnsafeWrap(hash.GetHashAndReset());
                chunk.PlainBytes = (ulong)length;
            }

            await blocks.WriteAsync(new Block(ready, size), cancellationToken).ConfigureAwait(false);
            if (length == 0)
                break;
        }
    }

    /// <summary>What of a block the destination doesn't have; the chunk gets the numbers of the rest.</summary>
    private byte[] LeaveOutKnown(ImageChunk chunk, byte[] plain)
    {
        chunk.Known.Add(_precopied.Find(plain));
        var rest = new byte[chunk.Known.Count(n => n == 0) * PageIndex.PageBytes];
        var length = 0;
        for (var i = 0; i < chunk.Known.Count; i++)
        {
            if (chunk.Known[i] != 0)
                continue;
            plain.AsSpan(i * PageIndex.PageBytes, PageIndex.PageBytes).CopyTo(rest.AsSpan(length));
            length += PageIndex.PageBytes;
        }

        return rest;
    }

    private static int ReadFully(Microsoft.Win32.SafeHandles.SafeFileHandle handle, Span<byte> buffer, long offset)
    {
        var total = 0;
        while (total < buffer.Length)
        {
            var got = RandomAccess.Read(handle, buffer[total..], offset + total);
            if (got == 0)
                break;
            total += got;
        }

        return total;
    }

    /// <summary>Gives the chunk its data, compressed by another thread while the link is slow.</summary>
    private Task<ImageChunk> Fill(ImageChunk chunk, ReadOnlyMemory<byte> plain, CancellationToken cancellationToken)
    {
        chunk.Plain = !_link.IsSlow;
        if (!chunk.Plain)
            return Task.Run(() => Compress(chunk, plain.Span), cancellationToken);
        chunk.Data = UnsafeByteOperations.UnsafeWrap(plain);
        return Task.FromResult(chunk);
    }

    private static ImageChunk Compress(ImageChunk chunk, ReadOnlySpan<byte> plain)
    {
        if (plain.Length == 0)
            return chunk;
        var compressor = t_compressor ??= new Compressor(Level);
        var frame = new byte[Compressor.GetCompressBound(plain.Length)];
        var length = compressor.Wrap(plain, frame);
        chunk.Data = UnsafeByteOperations.UnsafeWrap(frame.AsMemory(0, length));
        return chunk;
    }

    /// <summary>A chunk that may still be being compressed.</summary>
    private readonly record struct Block(Task<ImageChunk> Ready, int PlainBytes);
}

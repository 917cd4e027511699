using System.Security.Cryptography;
using System.Threading.Channels;
using Google.Protobuf;
using Twins.Protocol;
using ZstdSharp;

namespace Twins.Manager.Images;

/// <summary>
/// Sends files as a stream of <see cref="ImageChunk"/>. On a fast link blocks go as they are: to compress them would
/// take longer than to send them. While the link proves slow (<see cref="LinkSpeed"/>), they are compressed by several
/// workers, each block a zstd frame of its own, while the blocks before are on the wire; at most
/// <see cref="BlocksAhead"/> blocks are in memory.
/// </summary>
public static class ImageSender
{
    /// <summary>Octets of a file that make one chunk. Half the largest chunk, so that a frame of incompressible octets fits too.</summary>
    public const int BlockBytes = 512 * 1024;

    private const int Level = 1;
    private const int BlocksAhead = 8;

    /// <summary>Sends the files in the order given.</summary>
    /// <param name="migrationId">Told with the first chunk of each file.</param>
    /// <param name="files">What to send.</param>
    /// <param name="write">Writes one chunk to the stream; not called concurrently.</param>
    /// <param name="progress">Gets the plain octets sent so far.</param>
    /// <param name="cancellationToken">Stops at the next chunk.</param>
    /// <param name="time">The clock that the link is measured with; null: the system's.</param>
    /// <exception cref="IOException">A file can't be read.</exception>
    public static async Task<ImageTransferTotals> SendAsync(
        string migrationId, IReadOnlyList<ImageFile> files, Func<ImageChunk, Task> write, IProgress<long>? progress, CancellationToken cancellationToken, TimeProvider? time = null)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var blocks = Channel.CreateBounded<Task<ImageChunk>>(new BoundedChannelOptions(BlocksAhead) { SingleReader = true, SingleWriter = true });
        var link = new LinkSpeed(time ?? TimeProvider.System);
        var reading = Task.Run(() => ReadAsync(migrationId, files, link, blocks.Writer, stop.Token), stop.Token);
        long plain = 0, wire = 0;
        try
        {
            await foreach (var block in blocks.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                var chunk = await block.ConfigureAwait(false);
                await link.MeasureAsync(() => write(chunk), chunk.Data.Length).ConfigureAwait(false);
                wire += chunk.Data.Length;
                if (chunk.Last)
                {
                    plain += (long)chunk.PlainBytes;
                    progress?.Report(plain);
                }
            }

            await reading.ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
        }

        return new ImageTransferTotals(files.Count, plain, wire);
    }

    private static async Task ReadAsync(string migrationId, IReadOnlyList<ImageFile> files, LinkSpeed link, ChannelWriter<Task<ImageChunk>> blocks, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var file in files)
                await ReadFileAsync(migrationId, file, link, blocks, cancellationToken).ConfigureAwait(false);
            blocks.Complete();
        }
        catch (Exception e)
        {
            blocks.Complete(e);
        }
    }

    private static async Task ReadFileAsync(string migrationId, ImageFile file, LinkSpeed link, ChannelWriter<Task<ImageChunk>> blocks, CancellationToken cancellationToken)
    {
        using var handle = File.OpenHandle(file.Path, options: FileOptions.SequentialScan);
        var length = RandomAccess.GetLength(handle);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (long offset = 0; offset == 0 || offset < length;)
        {
            var plain = GC.AllocateUninitializedArray<byte>((int)Math.Min(BlockBytes, length - offset));
            var got = ReadFully(handle, plain, offset);
            if (got < plain.Length)
                throw new IOException($"{file.Path} became shorter while it was sent.");
            var chunk = new ImageChunk { SideFile = file.IsSideFile };
            if (offset == 0)
            {
                chunk.MigrationId = migrationId;
                chunk.File = file.Name;
            }

            // Compression of this block goes on while the hash takes it in.
            chunk.Plain = !link.IsSlow;
            var ready = chunk.Plain ? Task.FromResult(Fill(chunk, plain)) : Task.Run(() => Compress(chunk, plain), cancellationToken);
            hash.AppendData(plain);
            offset += plain.Length;
            if (offset == length)
            {
                chunk.Last = true;
                chunk.Sha256 = UnsafeByteOperations.UnsafeWrap(hash.GetHashAndReset());
                chunk.PlainBytes = (ulong)length;
            }

            await blocks.WriteAsync(ready, cancellationToken).ConfigureAwait(false);
            if (length == 0)
                break;
        }
    }

    // One per worker thread: its tables are large and cost more to make than a small block to compress.
    [ThreadStatic]
    private static Compressor? t_compressor;

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

    private static ImageChunk Fill(ImageChunk chunk, byte[] plain)
    {
        chunk.Data = UnsafeByteOperations.UnsafeWrap(plain);
        return chunk;
    }

    private static ImageChunk Compress(ImageChunk chunk, byte[] plain)
    {
        if (plain.Length == 0)
            return chunk;
        var compressor = t_compressor ??= new Compressor(Level);
        var frame = new byte[Compressor.GetCompressBound(plain.Length)];
        var length = compressor.Wrap(plain, frame);
        chunk.Data = UnsafeByteOperations.UnsafeWrap(frame.AsMemory(0, length));
        return chunk;
    }
}

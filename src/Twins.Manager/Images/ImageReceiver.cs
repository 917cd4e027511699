using System.Security.Cryptography;
using System.Threading.Channels;
using Google.Protobuf;
using Microsoft.Win32.SafeHandles;
using Twins.Protocol;
using ZstdSharp;

namespace Twins.Manager.Images;

/// <summary>
/// Takes a stream of <see cref="ImageChunk"/> into a directory. Nothing the sender says is trusted:
/// names, counts and sizes are bounded, frames are checked before they are expanded, and the
/// SHA-256 of what was sent of every file must be right. On any fault the directory is removed. Blocks are expanded by several workers
/// while the next ones arrive; at most <see cref="BlocksAhead"/> are in memory. Pages that came while the process ran
/// (<see cref="ImageSender"/>) lie in the directory as a file that no sender can name, until the directory is removed.
/// </summary>
public sealed class ImageReceiver
{
    /// <summary>Most files that are accepted: there is one for each connection, and some for each process and thread.</summary>
    public const int MostFiles = 1 << 18;

    /// <summary>Largest chunk that is accepted, in octets as sent.</summary>
    public const int LargestChunkBytes = 1 << 20;

    private const int LargestBlockBytes = 4 << 20;
    private const string PrecopiedFile = ".precopied";
    private const int BlocksAhead = 8;

    [ThreadStatic]
    private static Decompressor? t_decompressor;

    private readonly string _directory;
    private readonly long _limitBytes;
    private readonly IReadOnlyDictionary<string, string> _sideFiles;
    private readonly IProgress<long>? _progress;
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private SafeFileHandle? _file;
    private SafeFileHandle? _precopied;
    private byte[] _block = [];
    private IncrementalHash? _hash;
    private string _name = "";
    private long _fileBytes;
    private long _plainBytes;
    private long _wireBytes;

    /// <summary>Prepares to receive.</summary>
    /// <param name="directory">An existing, empty directory that nobody else can enter.</param>
    /// <param name="limitBytes">Most plain octets in all; the free space of the directory's file system bounds it too.</param>
    /// <param name="sideFiles">Side files that are expected: name on the wire -> where to put them. Others are refused.</param>
    /// <param name="progress">Gets the plain octets received so far.</param>
    public ImageReceiver(string directory, long limitBytes, IReadOnlyDictionary<string, string> sideFiles, IProgress<long>? progress)
    {
        _directory = directory;
        _limitBytes = Math.Min(limitBytes, new DriveInfo(directory).AvailableFreeSpace);
        _sideFiles = sideFiles;
        _progress = progress;
    }

    /// <summary>Receives until the stream ends.</summary>
    /// <exception cref="ImageTransferException">The stream is not acceptable; the directory is gone.</exception>
    public async Task<ImageTransferTotals> ReceiveAsync(IAsyncEnumerable<ImageChunk> chunks, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var blocks = Channel.CreateBounded<(ImageChunk, Task<ReadOnlyMemory<byte>>)>(new BoundedChannelOptions(BlocksAhead) { SingleReader = true, SingleWriter = true });
        var reading = Task.Run(() => ReadAsync(chunks, blocks.Writer, stop.Token), stop.Token);
        try
        {
            await foreach (var (chunk, block) in blocks.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                Take(chunk, await block.ConfigureAwait(false));
            if (_file is not null)
                throw CutShort($"the stream ended in the middle of {_name}");
            await reading.ConfigureAwait(false);
            return new ImageTransferTotals(_names.Count, _plainBytes, _wireBytes);
        }
        catch (Exception e)
        {
            _file?.Dispose();
            Directory.Delete(_directory, recursive: true);
            if (DiskSpace.IsUsedUp(e))
                throw DiskFull($"there is no room for what comes: {e.Message}", e);
            throw;
        }
        finally
        {
            // Nobody reads from the stream any more when this returns: its owner is about to close it.
            await stop.CancelAsync().ConfigureAwait(false);
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _hash?.Dispose();
            _precopied?.Dispose();
        }
    }

    private static async Task ReadAsync(IAsyncEnumerable<ImageChunk> chunks, ChannelWriter<(ImageChunk, Task<ReadOnlyMemory<byte>>)> blocks, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var chunk in chunks.WithCancellation(cancellationToken).ConfigureAwait(false))
                await blocks.WriteAsync((chunk, Task.Run(() => Expand(chunk), cancellationToken)), cancellationToken).ConfigureAwait(false);
            blocks.Complete();
        }
        catch (Exception e)
        {
            blocks.Complete(e);
        }
    }

    private static ReadOnlyMemory<byte> Expand(ImageChunk chunk)
    {
        var data = chunk.Data;
        if (data.Length == 0)
            return default;
        if (data.Length > LargestChunkBytes)
            throw Refused($"a chunk has {data.Length} octets, at most {LargestChunkBytes} are accepted");
        if (chunk.Plain)
            return data.Memory;
        try
        {
            // The frame says how large it becomes: looked at first, so that a small one can't fill the memory.
            var length = Decompressor.GetDecompressedSize(data.Span);
            if (length > LargestBlockBytes)
                throw Refused($"a block has more than {LargestBlockBytes} octets");
            var plain = new byte[length];
            var decompressor = t_decompressor ??= new Decompressor();
            var written = decompressor.Unwrap(data.Span, plain);
            return written == plain.Length ? plain : throw Damaged("a block is shorter than it says");
        }
        catch (ZstdException e)
        {
            throw Damaged($"a block can't be expanded ({e.Message})", e);
        }
    }

    private void Take(ImageChunk chunk, ReadOnlyMemory<byte> plain)
    {
        if (chunk.File.Length > 0)
            Begin(chunk);
        if (_file is null || _hash is null)
            throw Refused("the stream doesn't begin with a file's name");
        _wireBytes += chunk.Data.Length;
        _hash.AppendData(plain.Span);
        _hash.AppendNumbers(chunk.Known);
        if (chunk.Known.Count > 0)
            plain = Complete(chunk, plain);
        _plainBytes += plain.Length;
        if (_plainBytes > _limitBytes)
            throw DiskFull($"there is room for {_limitBytes} octets, and more come");
        RandomAccess.Write(_file, plain.Span, _fileBytes);
        _fileBytes += plain.Length;
        if (chunk.Last)
            End(chunk);
    }

    private void Begin(ImageChunk chunk)
    {
        if (_file is not null)
            throw CutShort($"{chunk.File} begins before {_name} has ended");
        _name = chunk.File;
        if (!IsAcceptable(_name) || _names.Count >= MostFiles || !_names.Add(_name))
            throw Refused($"the file name '{_name}' isn't accepted, was used before, or is one too many");
        var path = Path.Combine(_directory, chunk.Precopied ? PrecopiedFile : _name);
        if (chunk.SideFile && !_sideFiles.TryGetValue(_name, out path))
            throw Refused($"the side file '{_name}' wasn't announced");
        _file = File.OpenHandle(path, chunk.SideFile ? FileMode.Create : FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        _hash ??= IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        _fileBytes = 0;
    }

    /// <summary>A block with the pages that were here already in their places.</summary>
    private ReadOnlyMemory<byte> Complete(ImageChunk chunk, ReadOnlyMemory<byte> unknown)
    {
        var length = chunk.Known.Count * PageIndex.PageBytes;
        if (length > LargestBlockBytes || unknown.Length != chunk.Known.Count(n => n == 0) * PageIndex.PageBytes)
            throw Refused($"a block of {chunk.Known.Count} pages doesn't fit the {unknown.Length} octets that came with it");
        if (_block.Length < length)
            _block = new byte[length];
        for (var i = 0; i < chunk.Known.Count;)
        {
            // Neighbours in memory were neighbours before.
            var first = chunk.Known[i];
            var pages = 1;
            while (i + pages < chunk.Known.Count && chunk.Known[i + pages] == (first == 0 ? 0 : first + pages))
                pages++;
            var target = _block.AsSpan(i * PageIndex.PageBytes, pages * PageIndex.PageBytes);
            if (first == 0)
            {
                unknown.Span[..target.Length].CopyTo(target);
                unknown = unknown[target.Length..];
            }
            else if (ReadPrecopied(target, (first - 1L) * PageIndex.PageBytes) < target.Length)
            {
                throw Refused($"a block refers to page {first + pages - 1}, which hasn't come");
            }

            i += pages;
        }

        return _block.AsMemory(0, length);
    }

    private int ReadPrecopied(Span<byte> target, long offset)
    {
        var path = Path.Combine(_directory, PrecopiedFile);
        if (_precopied is null && !File.Exists(path))
            return 0;
        _precopied ??= File.OpenHandle(path);
        return RandomAccess.Read(_precopied, target, offset);
    }

    private void End(ImageChunk chunk)
    {
        Span<byte> hash = stackalloc byte[32];
        _hash!.GetHashAndReset(hash);
        if ((ulong)_fileBytes != chunk.PlainBytes || !chunk.Sha256.Span.SequenceEqual(hash))
            throw Damaged($"{_name} isn't what was sent");
        _file!.Dispose();
        _file = null;
        _progress?.Report(_plainBytes);
    }

    private ImageTransferException DiskFull(string what, Exception? inner = null) => new(
        "disk-full",
        $"The images don't fit into {Path.GetDirectoryName(_directory)}: {what}. Free space there, or set imageDirectory elsewhere; they need about twice the memory of the process on their way.",
        inner);

    private static ImageTransferException CutShort(string what) => new(
        "image-cut-short", $"The images didn't come to their end: {what}. Try again; if it stays, the log of twinsd on the node that sends them says why.");

    private static ImageTransferException Damaged(string what, Exception? inner = null) => new(
        "image-damaged", $"The images were damaged on their way: {what}. Try again; if it stays, test the memory and the link.", inner);

    private static ImageTransferException Refused(string what) => new(
        "image-refused", $"The images aren't acceptable: {what}. Both nodes should run the same version of Twins; try again then.");

    private static bool IsAcceptable(string name) =>
        name.Length is > 0 and <= 255 && name[0] != '.' && !name.AsSpan().ContainsAny('/', '\\', '\0');
}

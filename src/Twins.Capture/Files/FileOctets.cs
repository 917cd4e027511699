namespace Twins.Capture;

/// <summary>The octets of a capture file, one after the other.</summary>
internal sealed class FileOctets(Stream stream)
{
    /// <summary>Longer than any frame; what a length says beyond it is nonsense.</summary>
    public const int MostBytes = 16 << 20;

    /// <summary>How many have been read.</summary>
    public long Position { get; private set; }

    /// <summary>The next ones, in an array of their own.</summary>
    /// <param name="count">How many.</param>
    /// <param name="what">What they are, for the message.</param>
    public ReadOnlyMemory<byte> Read(int count, string what) => TryRead(count, what) ?? throw Broken($"it ends where {what} should be");

    /// <summary>As <see cref="Read"/>, or null at the end of the file.</summary>
    public ReadOnlyMemory<byte>? TryRead(int count, string what)
    {
        var octets = new byte[count];
        var got = stream.ReadAtLeast(octets, count, throwOnEndOfStream: false);
        if (got == 0 && count > 0)
            return null;
        if (got < count)
            throw Broken($"it ends within {what}");
        Position += count;
        return octets;
    }

    /// <summary>The file is broken at this place.</summary>
    public CaptureFileException Broken(string why) => new($"the capture is broken at octet {Position}: {why}");
}

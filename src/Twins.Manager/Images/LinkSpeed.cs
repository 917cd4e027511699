namespace Twins.Manager.Images;

/// <summary>
/// Whether the link is what a transfer waits for: judged by the time that writing to it took, anew with each
/// <see cref="WindowBytes"/>. Written by one thread, read by any.
/// </summary>
internal sealed class LinkSpeed(TimeProvider time)
{
    /// <summary>Octets after which there is a new judgement; the first of them go into buffers.</summary>
    public const int WindowBytes = 4 << 20;

    // What a link of 1 Gbit/s carries at most: slower than one processor compresses.
    private const double SlowBytesPerSecond = 125e6;

    private volatile bool _isSlow;
    private long _bytes;
    private TimeSpan _waited;

    /// <summary>Compressing pays.</summary>
    public bool IsSlow => _isSlow;

    /// <summary>Writes one chunk of so many octets.</summary>
    public async Task MeasureAsync(Func<Task> write, int bytes)
    {
        var started = time.GetTimestamp();
        await write().ConfigureAwait(false);
        _waited += time.GetElapsedTime(started);
        _bytes += bytes;
        if (_bytes < WindowBytes)
            return;
        _isSlow = _bytes / SlowBytesPerSecond < _waited.TotalSeconds;
        (_bytes, _waited) = (0, TimeSpan.Zero);
    }
}

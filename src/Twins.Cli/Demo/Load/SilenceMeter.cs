namespace Twins.Cli.Demo.Load;

/// <summary>The longest time that a client waited for bytes. Any thread may use it.</summary>
internal sealed class SilenceMeter(TimeProvider time)
{
    private readonly Lock _lock = new();
    private long? _waitingSince;
    private TimeSpan _longestOfWindow;
    private TimeSpan _longest;

    /// <summary>The longest of all.</summary>
    public TimeSpan Longest
    {
        get
        {
            lock (_lock)
                return Max(_longest, Current());
        }
    }

    /// <summary>The client begins to wait.</summary>
    public void Wait()
    {
        lock (_lock)
            _waitingSince = time.GetTimestamp();
    }

    /// <summary>Bytes came.</summary>
    public void Heard()
    {
        lock (_lock)
        {
            _longestOfWindow = Max(_longestOfWindow, Current());
            _longest = Max(_longest, Current());
            _waitingSince = null;
        }
    }

    /// <summary>Ends a window and begins the next.</summary>
    /// <returns>The longest wait in the window that ended, one still going on included.</returns>
    public TimeSpan Mark()
    {
        lock (_lock)
        {
            TimeSpan longest = Max(_longestOfWindow, Current());
            _longestOfWindow = TimeSpan.Zero;
            return longest;
        }
    }

    private TimeSpan Current() => _waitingSince is { } since ? time.GetElapsedTime(since) : TimeSpan.Zero;

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;
}

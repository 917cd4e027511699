namespace Twins.Manager.Hooks.Windows;

/// <summary>How <see cref="SocketWatch"/> is doing. Thread safe.</summary>
internal sealed class SocketWatchState
{
    private volatile bool _isListening;
    private volatile string? _failure;
    private long _told;

    /// <summary>Whether the driver is being listened to.</summary>
    public bool IsListening
    {
        get => _isListening;
        set => _isListening = value;
    }

    /// <summary>Why it isn't, though it should be; null: it is as it should be.</summary>
    public string? Failure
    {
        get => _failure;
        set => _failure = value;
    }

    /// <summary>Listeners and connections of mobile processes that the driver has told of.</summary>
    public long Told => Interlocked.Read(ref _told);

    /// <summary>It has told of one more.</summary>
    public void Count() => Interlocked.Increment(ref _told);
}

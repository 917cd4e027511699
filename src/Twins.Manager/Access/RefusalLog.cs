namespace Twins.Manager.Access;

/// <summary>
/// The one place where refusals are logged: once for each sender, kind and reason within an hour, and so many lines of a kind at
/// most. So whoever tries again and again, from however many addresses, fills no log. Thread safe.
/// </summary>
internal sealed partial class RefusalLog(TimeProvider time, ILogger<RefusalLog> logger)
{
    /// <summary>Lines of one kind within an hour; one more says that there would be others.</summary>
    public const int MostLines = 100;

    private const int MostCharacters = 300;

    private static readonly TimeSpan Window = TimeSpan.FromHours(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<RefusalKind, HashSet<(string Sender, string Reason)>> _told = [];
    private long? _began;

    /// <summary>Somebody was refused something.</summary>
    /// <param name="kind">What is told apart from other kinds.</param>
    /// <param name="sender">Who, in the words of the kernel or of the handshake, not in its own.</param>
    /// <param name="what">What, and why: goes on after "was refused". It may quote the sender.</param>
    /// <param name="reason">Refusals of one kind with different reasons are told each.</param>
    /// <returns>Whether it was logged.</returns>
    public bool Tell(RefusalKind kind, string sender, string what, string reason = "")
    {
        if (!Claim(kind, sender, reason))
            return false;
        LogRefused(sender, Printable(what));
        return true;
    }

    /// <summary>A call failed for a reason that nobody foresaw. Bounded like a refusal: what somebody sends may be the reason.</summary>
    public void TellFailure(string sender, string method, Exception exception)
    {
        if (Claim(RefusalKind.FailedCall, sender, $"{method} {exception.GetType()}"))
            LogFailed(method, sender, exception);
    }

    /// <summary>Whether it is to be logged.</summary>
    private bool Claim(RefusalKind kind, string sender, string reason)
    {
        int before;
        lock (_lock)
        {
            if (_began is not { } began || time.GetElapsedTime(began) >= Window)
            {
                _told.Clear();
                _began = time.GetTimestamp();
            }

            if (!_told.TryGetValue(kind, out var told))
                _told[kind] = told = [];
            before = told.Count;
            if (before > MostLines || !told.Add((sender, reason)))
                return false;
        }

        if (before == MostLines)
            LogMore(kind);
        return before < MostLines;
    }

    // The sender may have worded some of it.
    private static string Printable(string text) =>
        new([.. text.Take(MostCharacters).Select(character => char.IsControl(character) ? '?' : character)]);

    [LoggerMessage(3101, LogLevel.Warning, "{Sender} was refused {What} (not logged again within an hour)")]
    private partial void LogRefused(string sender, string what);

    [LoggerMessage(3102, LogLevel.Warning, "More senders are refused than are logged (kind {Kind}); no more of them are within an hour.")]
    private partial void LogMore(RefusalKind kind);

    [LoggerMessage(3103, LogLevel.Error, "{Method}, called by {Sender}, failed (not logged again within an hour)")]
    private partial void LogFailed(string method, string sender, Exception exception);
}

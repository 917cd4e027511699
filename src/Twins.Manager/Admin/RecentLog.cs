using Twins.Protocol;

namespace Twins.Manager.Admin;

/// <summary>The last lines of this program's log, for the admin page. Bounded in lines and in their length; thread safe.</summary>
internal sealed class RecentLog(TimeProvider time) : ILoggerProvider
{
    public const int MostLines = 500;

    private const int MostCharacters = 2000;

    private readonly Lock _lock = new();
    private readonly Queue<LogLine> _lines = new();
    private ulong _last;

    /// <summary>Lines after the one with a number, oldest first.</summary>
    public IReadOnlyList<LogLine> After(ulong number)
    {
        lock (_lock)
            return [.. _lines.Where(line => line.Number > number)];
    }

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new Writer(this, categoryName[(categoryName.LastIndexOf('.') + 1)..]);

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private void Add(string category, LogLevel level, int number, string text)
    {
        var line = new LogLine
        {
            UnixMilliseconds = time.GetUtcNow().ToUnixTimeMilliseconds(),
            Level = level.ToString().ToLowerInvariant(),
            Category = category,
            Event = number,
            Text = text.Length <= MostCharacters ? text : text[..MostCharacters],
        };
        lock (_lock)
        {
            line.Number = ++_last;
            if (_lines.Count >= MostLines)
                _lines.Dequeue();
            _lines.Enqueue(line);
        }
    }

    private sealed class Writer(RecentLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Information and not LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                log.Add(category, logLevel, eventId.Id, exception is null ? formatter(state, exception) : $"{formatter(state, exception)} {exception.GetType().Name}: {exception.Message}");
        }
    }
}

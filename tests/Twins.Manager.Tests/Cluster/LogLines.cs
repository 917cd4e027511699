using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Twins.Manager.Tests.Cluster;

/// <summary>What a node logged.</summary>
internal sealed class LogLines : ILoggerProvider, ILogger
{
    /// <summary>Event of <c>RefusalLog</c>.</summary>
    public const int Refused = 3101;

    private readonly ConcurrentQueue<(int Id, LogLevel Level, string Text)> _lines = new();

    /// <summary>The refusals, as they are worded.</summary>
    public string[] Refusals => [.. _lines.Where(line => line.Id == Refused).Select(line => line.Text)];

    /// <summary>What is a warning or worse and no refusal.</summary>
    public string[] OtherWarnings => [.. _lines.Where(line => line.Id != Refused && line.Level >= LogLevel.Warning).Select(line => line.Text)];

    public int Count(int eventId) => _lines.Count(line => line.Id == eventId);

    public bool Contains(string text) => _lines.Any(line => line.Text.Contains(text, StringComparison.Ordinal));

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue((eventId.Id, logLevel, formatter(state, exception)));

    public void Dispose()
    {
    }
}

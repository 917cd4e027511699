using System.ComponentModel;
using System.Security;
using Microsoft.Extensions.Logging.EventLog;

namespace Twins.Manager.Windows;

/// <summary>
/// Warnings and worse to the event log <c>Application</c>, source <c>twinsd</c>. What it doesn't take, because the source is missing
/// or the log is full, is lost: logging is no reason not to run.
/// </summary>
internal sealed class EventLogWriter : ILoggerProvider
{
    private readonly EventLogLoggerProvider _log = new(new EventLogSettings
    {
        LogName = "Application",
        SourceName = Service.Name,
        Filter = (_, level) => level >= LogLevel.Warning,
    });

    public ILogger CreateLogger(string categoryName) => new Category(_log.CreateLogger(categoryName));

    public void Dispose() => _log.Dispose();

    private sealed class Category(ILogger log) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => log.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => log.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            try
            {
                log.Log(logLevel, eventId, state, exception, formatter);
            }
            catch (Exception refused) when (refused is Win32Exception or SecurityException or InvalidOperationException or ArgumentException or IOException or UnauthorizedAccessException)
            {
                // Nobody is left to tell.
            }
        }
    }
}

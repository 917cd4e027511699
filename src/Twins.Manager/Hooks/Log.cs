namespace Twins.Manager.Hooks;

internal static partial class Log
{
    [LoggerMessage(EventId = 3201, Level = LogLevel.Error, Message = "Nothing more is read from {Path}, where hooks tell. Programs go on; their sockets are read from the system when they move.")]
    public static partial void ListenerFailed(ILogger logger, Exception exception, string path);
}

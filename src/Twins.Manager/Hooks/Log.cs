namespace Twins.Manager.Hooks;

internal static partial class Log
{
    [LoggerMessage(EventId = 3101, Level = LogLevel.Warning, Message = "Process {Pid} of user {Uid} sent something to the hook socket that is no hook message; it and what follows from it are ignored.")]
    public static partial void SenderRefused(ILogger logger, int pid, uint uid);

    [LoggerMessage(EventId = 3102, Level = LogLevel.Error, Message = "Nothing more is read from the hook socket {Path}. Programs go on; their sockets are read from the kernel when they move.")]
    public static partial void ListenerFailed(ILogger logger, Exception exception, string path);
}

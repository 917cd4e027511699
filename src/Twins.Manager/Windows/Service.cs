using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Hosting.WindowsServices;

namespace Twins.Manager.Windows;

/// <summary><c>twinsd</c> as a Windows service.</summary>
internal static partial class Service
{
    /// <summary>Of the service and of its source in the event log.</summary>
    public const string Name = "twinsd";

    /// <summary>Whether the service manager started this process.</summary>
    public static bool IsThis { get; } = WindowsServiceHelpers.IsWindowsService();

    /// <summary>Lives and logs as a service does, where it is one.</summary>
    public static void Use(WebApplicationBuilder builder)
    {
        if (!IsThis)
            return;
        builder.Services.AddWindowsService(service => service.ServiceName = Name);
        builder.Services.AddSingleton<IHostLifetime, ServiceLifetime>();
        builder.Logging.ClearProviders().AddProvider(new EventLogWriter());
    }

    /// <summary>Tells the event log and the service manager of a failed start, where there is one that waits for it.</summary>
    /// <param name="services">Null: the start failed before there were any.</param>
    public static void TellFailure(StartFailure failure, string message, IServiceProvider? services)
    {
        if (!IsThis)
            return;
        using (var log = new EventLogWriter())
            LogFailure(log.CreateLogger(Name), failure, message);
        if (services?.GetService<IHostLifetime>() is ServiceLifetime { IsStarting: true } lifetime)
            lifetime.TellFailure(failure);
        else
            FailedStart.Tell(failure);
    }

    [LoggerMessage(3901, LogLevel.Critical, "twinsd can't start ({Failure}): {Message}")]
    private static partial void LogFailure(ILogger log, StartFailure failure, string message);
}

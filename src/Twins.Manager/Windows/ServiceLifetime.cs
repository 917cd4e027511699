using Microsoft.Extensions.Hosting.WindowsServices;
using Microsoft.Extensions.Options;

namespace Twins.Manager.Windows;

/// <summary>
/// The life of <c>twinsd</c> as a Windows service. It counts as running when everything has started, not before, and a start that
/// failed leaves its reason as the service's own exit code.
/// </summary>
internal sealed class ServiceLifetime(
    IHostEnvironment environment, IHostApplicationLifetime application, ILoggerFactory loggers, IOptions<HostOptions> host, IOptions<WindowsServiceLifetimeOptions> service)
    : WindowsServiceLifetime(environment, application, loggers, host, service)
{
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(5);

    private readonly IHostApplicationLifetime _application = application;

    /// <summary>Whether the service manager waits for the end of the start; only then can a failure be told by this.</summary>
    public bool IsStarting => ServiceHandle != 0;

    /// <summary>Tells why the start failed. The process is to end then.</summary>
    public void TellFailure(StartFailure failure) => ServiceStatus.TellStopped(ServiceHandle, failure);

    /// <inheritdoc/>
    protected override void OnStart(string[] args)
    {
        base.OnStart(args);
        WaitHandle[] ends = [_application.ApplicationStarted.WaitHandle, _application.ApplicationStopping.WaitHandle];
        while (WaitHandle.WaitAny(ends, Step) == WaitHandle.WaitTimeout)
            RequestAdditionalTime((int)(2 * Step).TotalMilliseconds);
    }
}

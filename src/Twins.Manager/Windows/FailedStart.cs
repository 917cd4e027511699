using System.ServiceProcess;

namespace Twins.Manager.Windows;

/// <summary>A service whose start failed before there was anything that could run: it tells the reason and ends.</summary>
internal sealed class FailedStart : ServiceBase
{
    private readonly StartFailure _failure;

    private FailedStart(StartFailure failure) => (_failure, ServiceName) = (failure, Service.Name);

    /// <summary>Tells the service manager, which is waiting for a word of this process. Returns only where there is no service manager.</summary>
    public static void Tell(StartFailure failure)
    {
        using var service = new FailedStart(failure);
        Run(service);
    }

    /// <inheritdoc/>
    protected override void OnStart(string[] args)
    {
        ServiceStatus.TellStopped(ServiceHandle, _failure);
        // Once returned from here, the base class would tell that the service runs.
        Environment.Exit((int)_failure);
    }
}

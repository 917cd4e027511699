using Twins.Manager.Home;
using Twins.Manager.Host;
using Twins.Manager.Migration;
using Twins.Manager.Registry;
using Twins.Manager.Rules;

namespace Twins.Manager;

/// <summary>
/// The order of a start, after the pool has adopted the twins that live on: rules, paths, then what was under way.
/// </summary>
internal sealed class Startup(
    KernelRules rules, HomeRole home, HostRole host, Arrivals arrivals, DepartureRecovery departures, TwinPaths paths) : IHostedService
{
    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        paths.RemoveAllImages();
        await home.RestoreAsync(cancellationToken);
        await host.RestoreAsync(cancellationToken);
        rules.RemoveUnknown(home.Processes, host.Processes);
        await arrivals.RecoverAsync();
        await departures.RecoverAsync();
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

using Twins.Manager.Cabins;
using Twins.Manager.Checkpoint;
using Twins.Manager.Home;
using Twins.Manager.Host;
using Twins.Manager.Migration;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Manager.Rules;
using Twins.Manager.Settings;
using Twins.Table;

namespace Twins.Manager;

/// <summary>
/// The order of a start, after the pool has adopted the twins that live on: rules, paths, then what was under way.
/// </summary>
internal sealed class Startup(
    TwinsdOptions options, TwinPool pool, ProcessRegistry registry, DiversionRules rules, HomeRole home, HostRole host, Arrivals arrivals, DepartureRecovery departures, Admin.ManualRedirection manual, Admin.RedirectionPause pause, TwinPaths paths) : IHostedService
{
    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        paths.RemoveAllImages();
        registry.TakeNodeName();
        await home.RestoreAsync(cancellationToken);
        await host.RestoreAsync(cancellationToken);
        rules.RemoveUnknown(home.Processes, host.Legs, host.GuestEnds);
        pool.Hear();
        await arrivals.RecoverAsync();
        await departures.RecoverAsync();
        await manual.RecoverAsync();
        pause.Recover();
        await RemoveLeftoversAsync();
    }

    /// <summary>Trials of CRIU, cabins and twins' memories of migrations that a crash cut short.</summary>
    private async Task RemoveLeftoversAsync()
    {
        if (!OperatingSystem.IsWindows())
            RemoveProbesAndCabins();
        var known = registry.List().Where(r => r.State != ProcessState.Exited).Select(r => r.Id)
            .Concat(home.Processes.Select(p => p.ProcessId)).Concat(host.Processes.Select(p => p.ProcessId)).ToHashSet();
        try
        {
            await pool.ForgetUnknownAsync(known);
        }
        catch (TwinException)
        {
            // A twin that just died knows nothing any more.
        }
    }

    private void RemoveProbesAndCabins()
    {
        // Nothing can have asked for one of ours yet.
        foreach (var probe in CriuProbe.FindFolders(options.RunDirectory).ToList())
        {
            try
            {
                CriuProbe.Remove(probe);
            }
            catch (Exception e) when (e is IOException or System.ComponentModel.Win32Exception)
            {
                // Its CRIU is about to end; what stays 'twins doctor' finds.
            }
        }

        var guests = host.Processes.Select(p => p.Place.Id).ToHashSet();
        foreach (var cabin in Cabin.List(options.CabinDirectory).Where(c => !guests.Contains(c.Id)))
            cabin.Remove();
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

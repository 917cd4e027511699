using System.Threading.Channels;
using Twins.Manager.Cabins;
using Twins.Manager.Home;
using Twins.Manager.Host;
using Twins.Manager.Images;
using Twins.Manager.Migration;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Manager.Rules;
using Twins.Manager.Settings;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager;

/// <summary>
/// The order of a start, after the pool has adopted the twins that live on: rules, paths, then what was under way.
/// </summary>
internal sealed class Startup(
    TwinsdOptions options, TwinPool pool, ProcessRegistry registry, KernelRules rules, HomeRole home, HostRole host, Arrivals arrivals, DepartureRecovery departures, Admin.ManualRedirection manual, TwinPaths paths) : IHostedService
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
        await manual.RecoverAsync();
        await RemoveLeftoversAsync();
        _ = Task.Run(WarmUpAsync, CancellationToken.None);
    }

    /// <summary>Cabins and twins' memories of migrations that a crash cut short.</summary>
    private async Task RemoveLeftoversAsync()
    {
        var guests = host.Processes.Select(p => p.Cabin.Id).ToHashSet();
        foreach (var cabin in Cabin.List(options.CabinDirectory).Where(c => !guests.Contains(c.Id)))
            cabin.Remove();
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

    /// <summary>
    /// Compiles what works while a process is frozen: a first transfer takes several times as long as a second one.
    /// </summary>
    private async Task WarmUpAsync()
    {
        var directory = paths.NewImages("warm-up");
        try
        {
            var file = Path.Combine(directory, "noise");
            var bytes = new byte[2 << 20];
            Random.Shared.NextBytes(bytes.AsSpan(0, bytes.Length / 2));
            await File.WriteAllBytesAsync(file, bytes);
            for (var i = 0; i < 4; i++)
            {
                var target = paths.NewImages("warm-up-target");
                var chunks = Channel.CreateUnbounded<ImageChunk>();
                var receiving = new ImageReceiver(target, long.MaxValue, new Dictionary<string, string>(), progress: null).ReceiveAsync(chunks.Reader.ReadAllAsync(), CancellationToken.None);
                await ImageSender.SendAsync("warm-up", [new ImageFile(file, "noise", IsSideFile: false)], c => chunks.Writer.WriteAsync(c).AsTask(), null, CancellationToken.None);
                chunks.Writer.Complete();
                await receiving;
                paths.RemoveImages(target);
            }
        }
        catch (Exception e) when (e is IOException or ImageTransferException)
        {
            // No room for two megabytes: the preflight of a migration will say so.
        }
        finally
        {
            paths.RemoveImages(directory);
        }
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

using Twins.Manager.Access;
using Twins.Manager.Admin;
using Twins.Manager.Admin.Page;
using Twins.Manager.Admin.Page.Linux;
using Twins.Manager.Admin.Page.Windows;
using Twins.Manager.Checkpoint;
using Twins.Manager.Explaining;
using Twins.Manager.Home;
using Twins.Manager.Hooks;
using Twins.Manager.Hooks.Windows;
using Twins.Manager.Host;
using Twins.Manager.Host.Linux;
using Twins.Manager.Host.Windows;
using Twins.Manager.Migration;
using Twins.Manager.Nodes;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Manager.Rules;
using Twins.Manager.Settings;
using Twins.Manager.Watching;
using Twins.Table;
using Twins.Table.Sqlite;

namespace Twins.Manager;

/// <summary>Wiring of the Migration Manager.</summary>
internal static class ManagerServices
{
    /// <summary>Everything but cluster and access. The hosted services start in the order of registration.</summary>
    public static IServiceCollection AddTwinsManager(this IServiceCollection services, TwinsdOptions options)
    {
        services.AddSingleton<ITableStore>(_ => SqliteTableStore.Open(options.TablePath));
        services.AddSingleton<TwinPaths>();
        if (OperatingSystem.IsWindows())
            services.AddSingleton<DiversionRules, ProtectionRules>();
        else
            services.AddSingleton<DiversionRules>(_ => new KernelRules());
        services.AddSingleton<TwinWorkers>(p => OperatingSystem.IsWindows()
            ? new PipeTwinWorkers(options.TwinSocketDirectory, p.GetRequiredService<TwinPaths>().TwinProgram)
            : new UnixTwinWorkers(options.TwinSocketDirectory));
        services.AddSingleton<TwinPool>();
        services.AddSingleton<NodeMap>();
        services.AddSingleton<NodeFacts>();
        services.AddSingleton<LocalNode>();
        services.AddSingleton<NodeRefusals>();
        services.AddSingleton<ProcessRegistry>();
        services.AddSingleton<ProcessInspector>();
        services.AddSingleton<HomeStore>();
        services.AddSingleton<HomeRole>();
        services.AddSingleton<HostPorts>();
        if (OperatingSystem.IsWindows())
            services.AddSingleton<GuestPlaces, NodePlaces>();
        else
            services.AddSingleton<GuestPlaces, CabinPlaces>();
        services.AddSingleton<HostStore>();
        services.AddSingleton<HostRole>();
        var criu = CriuCheckpointer.Locate(options.CriuPath);
        services.AddSingleton<ICheckpointer>(_ => new CriuCheckpointer(criu));
        services.AddSingleton(_ => new CheckpointReadiness(criu, options));
        services.AddSingleton<ArrivalChecks>();
        services.AddSingleton<Arrivals>();
        services.AddSingleton<Verdicts>();
        services.AddSingleton<LettingGo>();
        services.AddSingleton<DepartureParts>();
        services.AddSingleton<DepartureRecovery>();
        services.AddSingleton<MigrationBoard>();
        services.AddSingleton<MigrationCheck>();
        services.AddSingleton<MigrationService>();
        services.AddSingleton(p => new HookListener(options.HookSocketPath, p.GetRequiredService<RefusalLog>(), p.GetRequiredService<ILogger<HookListener>>()));
        services.AddSingleton<SocketWatchState>();
        services.AddSingleton<ProcessIntake>();
        services.AddSingleton<ProcessView>();
        services.AddSingleton<PacketWatcher>();
        services.AddSingleton<NodeChecks>();
        services.AddSingleton<Explainer>();
        services.AddSingleton<ManualRedirection>();
        services.AddSingleton<RedirectionPause>();
        services.AddSingleton<ClusterCommands>();
        services.AddSingleton<Leftovers>();
        if (OperatingSystem.IsWindows())
            services.AddSingleton<SystemChecks, WindowsChecks>();
        else
            services.AddSingleton<SystemChecks, LinuxChecks>();
        services.AddSingleton<Doctor>();
        services.AddSingleton<NodeList>();
        services.AddSingleton<StateFeed>();
        if (OperatingSystem.IsWindows())
            services.AddSingleton<PageLauncher, RestrictedLauncher>();
        else
            services.AddSingleton<PageLauncher, SetprivLauncher>();
        services.AddSingleton<PageProgram>();

        services.AddHostedService(p => p.GetRequiredService<TwinPool>());
        services.AddHostedService<Startup>();
        services.AddHostedService(p => p.GetRequiredService<ProcessIntake>());
        if (OperatingSystem.IsWindows())
            services.AddHostedService<SocketWatch>();
        services.AddHostedService<LeftBehindWatch>();
        services.AddHostedService(p => p.GetRequiredService<PageProgram>());
        return services;
    }
}

using System.ComponentModel.DataAnnotations;

namespace Twins.Manager.Settings;

/// <summary>
/// Settings of <c>twinsd</c>. A key is a property's name in camelCase in the file, in kebab-case on the command line
/// (<c>--api-port 7457</c>), with <c>TWINS_</c> in front in the environment (<c>TWINS_API_PORT</c>).
/// Durations are written 500ms, 10s, 2min or hh:mm:ss.
/// </summary>
internal sealed class TwinsdOptions
{
    /// <summary>On Windows, the account of services without rights.</summary>
    internal const string LocalService = "LocalService";

    /// <summary>On Windows, for <see cref="AdminUser"/>: the user of twinsd.</summary>
    internal const string OwnUser = "twinsd";

    private const string PipePrefix = @"\\.\pipe\";

    [Setting("This node's name until it is in a cluster, whose certificate then names it.", Default = "the host name in lower case")]
    [Required, RegularExpression(Cluster.NodeName.Pattern)]
    public string NodeName { get; init; } = Cluster.NodeName.OfThisHost();

    [Setting("IP address that the node API listens on and other nodes dial. Empty: the one given to `twins cluster init` or `join`.", Default = "empty")]
    public string Address { get; init; } = "";

    [Setting("TCP port of the node API. The port after it answers nodes that join.")]
    [Range(1, 65534)]
    public int ApiPort { get; init; } = 7457;

    [Setting("First port of the redirect range, of which redirected connections have a port at home and one at the host.")]
    [Range(1024, 65535)]
    public int FirstRedirectPort { get; init; } = 61000;

    [Setting("Last port of the redirect range.")]
    [Range(1024, 65535)]
    public int LastRedirectPort { get; init; } = 65535;

    [Setting("Twins kept ready without a process.")]
    [Range(0, 64)]
    public int ReadyTwins { get; init; } = 2;

    [Setting("Mobile processes that share one twin, at most.")]
    [Range(1, 1024)]
    public int ProcessesPerTwin { get; init; } = 8;

    [Setting("Bytes of packets that one twin holds, at most, for all its processes together; each packet counts 128 more. A process that holds less than the others gets room from the one that holds most.")]
    [Range(65536L, 1073741824L)]
    public long HoldLimitBytes { get; init; } = 16 * 1024 * 1024;

    [Setting("From how long a hold on peers are answered with a window of zero, so that they don't give up. 0s: never.")]
    [DurationRange("0s", "60min")]
    public TimeSpan ZeroWindowAfter { get; init; } = TimeSpan.FromSeconds(1);

    [Setting("How long the source waits for the destination's word on the commit before it is in doubt.")]
    [DurationRange("1s", "5min")]
    public TimeSpan CommitWait { get; init; } = TimeSpan.FromSeconds(10);

    [Setting("How long a listener's backlog may take to drain before the migration is rolled back.")]
    [DurationRange("100ms", "1min")]
    public TimeSpan BacklogDrain { get; init; } = TimeSpan.FromSeconds(5);

    [Setting("How long a hold by hand waits for a redirect, and a redirect for the process in its cabin, before it is undone.")]
    [DurationRange("1s", "1440min")]
    public TimeSpan HandWait { get; init; } = TimeSpan.FromMinutes(10);

    [Setting("How long late segments of a connection that has ended are waited for: as TIME-WAIT on Linux.")]
    [DurationRange("0s", "60min")]
    public TimeSpan Linger { get; init; } = TimeSpan.FromMinutes(1);

    [Setting("Deadline of a node call that has none of its own.")]
    [DurationRange("1s", "5min")]
    public TimeSpan NodeCallDeadline { get; init; } = TimeSpan.FromSeconds(10);

    [Setting("Deadline for reaching a node.")]
    [DurationRange("100ms", "1min")]
    public TimeSpan NodeConnectDeadline { get; init; } = TimeSpan.FromSeconds(2);

    [Setting("Directory of sockets and cabins, gone after a reboot; on Windows it stays.", Default = "/run/twins, on Windows %ProgramData%\\Twins\\run")]
    [Required, AbsolutePath]
    public string RunDirectory { get; init; } = DefaultPaths.RunDirectory;

    [Setting("Directory of table, certificates, audit log and output files.", Default = "/var/lib/twins, on Windows %ProgramData%\\Twins")]
    [Required, AbsolutePath]
    public string StateDirectory { get; init; } = DefaultPaths.StateDirectory;

    [Setting("Directory of process images in flight, about twice the memory of the process. Empty: `images` in the run directory, which is memory where that is a tmpfs.", Default = "empty")]
    [AbsolutePath(OrEmpty = true)]
    public string ImageDirectory { get; init; } = "";

    [Setting("The criu program. Empty: `build/criu/criu` in the directory that the variable TWINS_HOME names, or else the system's.", Default = "empty")]
    [AbsolutePath(OrEmpty = true)]
    public string CriuPath { get; init; } = "";

    [Setting("The twin program. Empty: the one that was installed with twinsd.", Default = "empty")]
    [AbsolutePath(OrEmpty = true)]
    public string TwinPath { get; init; } = "";

    [Setting("The admin page. `off`; `on-demand`: from the first `twins admin` on; `always`: with twinsd, so that its metrics can be read at any time.")]
    [RegularExpression("off|on-demand|always")]
    public string AdminPage { get; init; } = "on-demand";

    [Setting("TCP port of the admin page, on loopback only.")]
    [Range(1, 65535)]
    public int AdminPort { get; init; } = 7459;

    [Setting(
        "User that the admin page's program runs as: one without rights, for nothing else. On Windows `LocalService`; or `twinsd`, which is twinsd's own user without its rights, for a twinsd that isn't a service.",
        Default = "twins-admin; on Windows LocalService")]
    [RegularExpression("[A-Za-z_][A-Za-z0-9_-]{0,31}")]
    public string AdminUser { get; init; } = OperatingSystem.IsWindows() ? LocalService : "twins-admin";

    [Setting("The admin page's program. Empty: the one that was installed with twinsd.", Default = "empty")]
    [AbsolutePath(OrEmpty = true)]
    public string AdminPath { get; init; } = "";

    /// <summary>Where each setting that isn't at its default comes from, by the property's name: a file, a variable or an argument.</summary>
    internal IReadOnlyDictionary<string, string> Sources { get; init; } = new Dictionary<string, string>();

    /// <summary>Port that answers nodes that join.</summary>
    internal int JoinPort => ApiPort + 1;

    /// <summary>The local API's Unix socket; on Windows its named pipe.</summary>
    internal string LocalSocketPath => OperatingSystem.IsWindows() ? PipePrefix + @"twins\twinsd" : Path.Combine(RunDirectory, "twinsd.sock");

    /// <summary>The hook's Unix socket; on Windows its named pipe, by the name that src/Twins.Hook/Windows has.</summary>
    internal string HookSocketPath => OperatingSystem.IsWindows() ? PipePrefix + "twins-hook" : Path.Combine(RunDirectory, "hook.sock");

    /// <summary>What the twins' control sockets are in; on Windows their pipes' names begin with it, and it ends so that names are put after it.</summary>
    internal string TwinSocketDirectory => OperatingSystem.IsWindows() ? PipePrefix + @"twins\twin-" : Path.Combine(RunDirectory, "twins");

    internal string CabinDirectory => Path.Combine(RunDirectory, "cabins");

    internal string ImagePath => ImageDirectory.Length > 0 ? ImageDirectory : Path.Combine(RunDirectory, "images");

    internal string TablePath => Path.Combine(StateDirectory, "table.db");

    internal string ClusterDirectory => Path.Combine(StateDirectory, "cluster");

    internal string OutputDirectory => Path.Combine(StateDirectory, "output");
}

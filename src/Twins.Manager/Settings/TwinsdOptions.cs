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

    /// <summary>This node's name until it is in a cluster, whose certificate then names it. Default: the host name in lower case. 1 to 63 of a-z, 0-9, '-', '.'.</summary>
    [Required, RegularExpression(Cluster.NodeName.Pattern)]
    public string NodeName { get; init; } = Cluster.NodeName.OfThisHost();

    /// <summary>IP address that the node API listens on and other nodes dial. Default: empty, the one given to <c>twins cluster init|join</c>.</summary>
    public string Address { get; init; } = "";

    /// <summary>TCP port of the node API. Default 7457; 1 to 65534. The port after it answers nodes that join.</summary>
    [Range(1, 65534)]
    public int ApiPort { get; init; } = 7457;

    /// <summary>First port of the redirect range. Default 61000; 1024 to 65535.</summary>
    [Range(1024, 65535)]
    public int FirstRedirectPort { get; init; } = 61000;

    /// <summary>Last port of the redirect range. Default 65535; 1024 to 65535.</summary>
    [Range(1024, 65535)]
    public int LastRedirectPort { get; init; } = 65535;

    /// <summary>Twins kept ready without a process. Default 2; 0 to 64.</summary>
    [Range(0, 64)]
    public int ReadyTwins { get; init; } = 2;

    /// <summary>Mobile processes that share one twin, at most. Default 8; 1 to 1024.</summary>
    [Range(1, 1024)]
    public int ProcessesPerTwin { get; init; } = 8;

    /// <summary>
    /// Bytes of packets that one twin holds, at most, for all its processes together; each packet counts 128 more. A process
    /// that holds less than the others gets room from the one that holds most. Default 16 MiB; 64 KiB to 1 GiB.
    /// </summary>
    [Range(65536L, 1073741824L)]
    public long HoldLimitBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>From how long a hold on peers are answered with a window of zero, so that they don't give up. Default 1 s; 0 s to 1 h, 0 s being never.</summary>
    [DurationRange("0s", "60min")]
    public TimeSpan ZeroWindowAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long the source waits for the destination's word on the commit before it is in doubt. Default 10 s; 1 s to 5 min.</summary>
    [DurationRange("1s", "5min")]
    public TimeSpan CommitWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a listener's backlog may take to drain before the migration is rolled back. Default 5 s; 100 ms to 1 min.</summary>
    [DurationRange("100ms", "1min")]
    public TimeSpan BacklogDrain { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a hold by hand waits for a redirect, and a redirect for the process in its cabin, before it is undone. Default 10 min; 1 s to 1 day.</summary>
    [DurationRange("1s", "1440min")]
    public TimeSpan HandWait { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long late segments of a connection that has ended are waited for. Default 1 min, as TIME-WAIT on Linux; 0 s to 1 h.</summary>
    [DurationRange("0s", "60min")]
    public TimeSpan Linger { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Deadline of a node call that has none of its own. Default 10 s; 1 s to 5 min.</summary>
    [DurationRange("1s", "5min")]
    public TimeSpan NodeCallDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Deadline for reaching a node. Default 2 s; 100 ms to 1 min.</summary>
    [DurationRange("100ms", "1min")]
    public TimeSpan NodeConnectDeadline { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Directory of sockets and cabins, gone after a reboot. Default /run/twins, on Windows %ProgramData%\Twins\run, which stays; an absolute path.</summary>
    [Required, AbsolutePath]
    public string RunDirectory { get; init; } = DefaultPaths.RunDirectory;

    /// <summary>Directory of table, certificates and output files. Default /var/lib/twins, on Windows %ProgramData%\Twins; an absolute path.</summary>
    [Required, AbsolutePath]
    public string StateDirectory { get; init; } = DefaultPaths.StateDirectory;

    /// <summary>Directory of process images in flight. Default: empty, <c>images</c> in the run directory; else an absolute path.</summary>
    [AbsolutePath(OrEmpty = true)]
    public string ImageDirectory { get; init; } = "";

    /// <summary>The criu program. Default: empty, the one that was installed with twinsd, or else the system's; else an absolute path.</summary>
    [AbsolutePath(OrEmpty = true)]
    public string CriuPath { get; init; } = "";

    /// <summary>The twin program. Default: empty, the one that was installed with twinsd; else an absolute path.</summary>
    [AbsolutePath(OrEmpty = true)]
    public string TwinPath { get; init; } = "";

    /// <summary>
    /// The admin page: <c>off</c>; <c>on-demand</c>, from the first <c>twins admin</c> on; <c>always</c>, so that its metrics can
    /// be read at any time. Default on-demand.
    /// </summary>
    [RegularExpression("off|on-demand|always")]
    public string AdminPage { get; init; } = "on-demand";

    /// <summary>TCP port of the admin page, on loopback only. Default 7459; 1 to 65535.</summary>
    [Range(1, 65535)]
    public int AdminPort { get; init; } = 7459;

    /// <summary>
    /// User that the admin page's program runs as: one without rights, for nothing else. Default twins-admin. On Windows LocalService,
    /// or <c>twinsd</c>: twinsd's own user without its rights, for a twinsd that isn't a service.
    /// </summary>
    [RegularExpression("[A-Za-z_][A-Za-z0-9_-]{0,31}")]
    public string AdminUser { get; init; } = OperatingSystem.IsWindows() ? LocalService : "twins-admin";

    /// <summary>The admin page's program. Default: empty, the one that was installed with twinsd; else an absolute path.</summary>
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

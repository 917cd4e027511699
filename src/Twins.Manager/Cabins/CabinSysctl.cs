namespace Twins.Manager.Cabins;

/// <summary>
/// The node's TCP settings that are per network namespace and that its programs feel: a new namespace
/// starts with the kernel's defaults instead (Documentation/networking/ip-sysctl.rst).
/// </summary>
internal static class CabinSysctl
{
    private const string Folder = "/proc/sys/net/ipv4/";

    private static readonly string[] s_copied =
    [
        "tcp_rmem", "tcp_wmem", "tcp_congestion_control", "tcp_sack", "tcp_timestamps", "tcp_window_scaling", "tcp_ecn", "tcp_keepalive_time",
        "tcp_keepalive_intvl", "tcp_keepalive_probes", "tcp_retries1", "tcp_retries2", "tcp_syn_retries", "tcp_fin_timeout", "tcp_mtu_probing",
        "tcp_base_mss", "tcp_slow_start_after_idle", "tcp_notsent_lowat", "tcp_moderate_rcvbuf", "tcp_adv_win_scale", "tcp_fastopen",
        "tcp_no_metrics_save", "tcp_tw_reuse", "ip_default_ttl", "ip_unprivileged_port_start",
    ];

    /// <summary>The values of the calling thread's namespace. What the kernel lacks is left out.</summary>
    public static IReadOnlyList<(string Name, string Value)> Read() =>
        [.. s_copied.Where(name => File.Exists(Folder + name)).Select(name => (name, File.ReadAllText(Folder + name).Trim()))];

    /// <summary>Sets them in the calling thread's namespace, and the cabin's own.</summary>
    public static void Write(IReadOnlyList<(string Name, string Value)> values, CabinSettings settings)
    {
        foreach (var (name, value) in values)
        {
            // Unchanged ones are not written: some can be read and not set, such as a congestion control
            // that only the first namespace may load.
            if (File.ReadAllText(Folder + name).Trim() != value)
                TryWrite(name, value);
        }

        File.WriteAllText(Folder + "ip_local_port_range", $"{settings.FirstPort} {settings.LastPort}");
        // The peer's packets come out of the device, and only there: no path to check them against.
        File.WriteAllText(Folder + "conf/all/rp_filter", "0");
        File.WriteAllText(Folder + "conf/default/rp_filter", "0");
    }

    private static void TryWrite(string name, string value)
    {
        try
        {
            File.WriteAllText(Folder + name, value);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The kernel's default for this one then: slower at worst, never wrong.
        }
    }
}

using System.Globalization;
using Twins.Manager.Checkpoint;
using Twins.Manager.Settings;

namespace Twins.Manager.Admin;

/// <summary>What Linux needs: capabilities, CRIU, TUN devices, ports and pipes.</summary>
internal sealed class LinuxChecks(TwinsdOptions options, CheckpointReadiness readiness) : SystemChecks
{
    // Linux capability numbers, capability.h.
    private const int NetAdmin = 12;
    private const int SysAdmin = 21;
    private const int SysResource = 24;

    /// <inheritdoc/>
    public override string DiversionRemedy => "Load nfnetlink_queue, and install nftables and iptables.";

    /// <inheritdoc/>
    public override async Task AddAsync(AddDiagnosis add, CancellationToken cancellation)
    {
        var capabilities = Capabilities();
        var lacks = string.Join(" and ", new[] { (Number: NetAdmin, Name: "CAP_NET_ADMIN"), (Number: SysAdmin, Name: "CAP_SYS_ADMIN") }
            .Where(needed => capabilities is not { } set || ((set >> needed.Number) & 1) == 0)
            .Select(needed => needed.Name));
        add("rights", lacks.Length == 0 ? "ok" : "failed", lacks.Length == 0 ? "twinsd has the rights it needs" : $"twinsd lacks {lacks}", "Run twinsd as root.");
        var resource = capabilities is { } s && ((s >> SysResource) & 1) == 1;
        add(
            "foreign-limits",
            resource ? "ok" : "warning",
            resource ? "limits of processes of other users can be read" : "without CAP_SYS_RESOURCE, processes that change their user can't be dumped",
            "Give twinsd CAP_SYS_RESOURCE, or run such programs as root.");

        try
        {
            await readiness.CheckAsync(cancellation);
            add("criu", "ok", $"CRIU {await readiness.VersionAsync(cancellation)} dumps and restores a process with a socket");
        }
        catch (CheckpointException e)
        {
            add("criu", "failed", e.Message, "Install CRIU 4.2 or newer; scripts/bootstrap.sh gets one without touching the system's libraries.");
        }

        var keeps = Directory.Exists("/run") && new DriveInfo("/run").DriveFormat == "tmpfs";
        add(
            "criu-cache",
            keeps ? "ok" : "warning",
            keeps ? "CRIU keeps in /run what it has found out about the kernel" : "/run is no tmpfs, so CRIU examines the kernel anew in each dump and each restore, while the process is frozen",
            "Mount a tmpfs on /run before twinsd starts.");

        add(
            "tun",
            File.Exists("/dev/net/tun") ? "ok" : "failed",
            File.Exists("/dev/net/tun") ? "cabins can be made" : "/dev/net/tun is missing, no cabin can be made",
            "modprobe tun");
        AddPipeSize(add);
        AddRedirectPorts(add);
    }

    private static void AddPipeSize(AddDiagnosis add)
    {
        const string Path = "/proc/sys/fs/pipe-max-size";
        if (File.Exists(Path) && long.TryParse(File.ReadAllText(Path), CultureInfo.InvariantCulture, out var bytes))
            add("pipe-size", bytes >= 1 << 20 ? "ok" : "warning", $"fs.pipe-max-size is {bytes}", "sysctl -w fs.pipe-max-size=1048576");
    }

    private void AddRedirectPorts(AddDiagnosis add)
    {
        const string Check = "redirect-ports";
        const string Folder = "/proc/sys/net/ipv4/";
        var (first, last) = (options.FirstRedirectPort, options.LastRedirectPort);
        var local = LocalPorts.Parse(File.ReadAllText(Folder + LocalPorts.RangeName), File.ReadAllText(Folder + LocalPorts.ReservedName));
        if (local.FindGiven(first, last) is not (var firstGiven, var lastGiven))
        {
            add(Check, "ok", $"no program gets a port of {first}-{last} unless it asks for it");
            return;
        }

        add(
            Check,
            "warning",
            $"the kernel may give programs ports of {firstGiven}-{lastGiven}, which are for redirected connections: what a program opens from one that is in use there gets no answer",
            $"{local.Reserving(first, last)}, and the same in /etc/sysctl.d; or set firstRedirectPort and lastRedirectPort outside of net.ipv4.{LocalPorts.RangeName}.");
    }

    private static ulong? Capabilities() => File.ReadLines("/proc/self/status")
        .FirstOrDefault(l => l.StartsWith("CapEff:", StringComparison.Ordinal)) is { } line
        && ulong.TryParse(line.AsSpan(7).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var set)
            ? set
            : null;
}

using System.Globalization;
using Twins.Manager.Checkpoint;
using Twins.Manager.Cluster;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Manager.Rules;
using Twins.Manager.Settings;
using Twins.Protocol;

namespace Twins.Manager.Admin;

/// <summary>Checks all that a migration needs from this machine, and what earlier runs may have left.</summary>
internal sealed class Doctor(
    TwinsdOptions options, TwinPaths paths, CheckpointReadiness readiness, NodeCluster cluster, TwinPool pool, KernelRules rules, Leftovers leftovers)
{
    // Linux capability numbers, capability.h.
    private const int NetAdmin = 12;
    private const int SysAdmin = 21;
    private const int SysResource = 24;

    /// <summary>Every check with its outcome.</summary>
    public async Task<DiagnoseReply> DiagnoseAsync(bool removeLeftovers, CancellationToken cancellation)
    {
        var reply = new DiagnoseReply();
        void Add(string check, string outcome, string detail, string remedy = "") =>
            reply.Diagnoses.Add(new Diagnosis { Check = check, Outcome = outcome, Detail = detail, Remedy = outcome == "ok" ? "" : remedy });

        var capabilities = Capabilities();
        var lacks = string.Join(" and ", new[] { (Number: NetAdmin, Name: "CAP_NET_ADMIN"), (Number: SysAdmin, Name: "CAP_SYS_ADMIN") }
            .Where(needed => capabilities is not { } set || ((set >> needed.Number) & 1) == 0)
            .Select(needed => needed.Name));
        Add("rights", lacks.Length == 0 ? "ok" : "failed", lacks.Length == 0 ? "twinsd has the rights it needs" : $"twinsd lacks {lacks}", "Run twinsd as root.");
        var resource = capabilities is { } s && ((s >> SysResource) & 1) == 1;
        Add(
            "foreign-limits",
            resource ? "ok" : "warning",
            resource ? "limits of processes of other users can be read" : "without CAP_SYS_RESOURCE, processes that change their user can't be dumped",
            "Give twinsd CAP_SYS_RESOURCE, or run such programs as root.");

        try
        {
            await readiness.CheckAsync(cancellation);
            Add("criu", "ok", $"CRIU {await readiness.VersionAsync(cancellation)} dumps and restores a process with a socket");
        }
        catch (CheckpointException e)
        {
            Add("criu", "failed", e.Message, "Install CRIU 4.2 or newer; scripts/bootstrap.sh gets one without touching the system's libraries.");
        }

        var keeps = Directory.Exists("/run") && new DriveInfo("/run").DriveFormat == "tmpfs";
        Add(
            "criu-cache",
            keeps ? "ok" : "warning",
            keeps ? "CRIU keeps in /run what it has found out about the kernel" : "/run is no tmpfs, so CRIU examines the kernel anew in each dump and each restore, while the process is frozen",
            "Mount a tmpfs on /run before twinsd starts.");

        try
        {
            Add("packet-diversion", "ok", $"packets are diverted with {rules.Check()}");
        }
        catch (Diversion.DiversionException e)
        {
            Add("packet-diversion", "failed", e.Message, "Load nfnetlink_queue, and install nftables and iptables.");
        }

        Add(
            "tun",
            File.Exists("/dev/net/tun") ? "ok" : "failed",
            File.Exists("/dev/net/tun") ? "cabins can be made" : "/dev/net/tun is missing, no cabin can be made",
            "modprobe tun");
        AddTwins(Add);
        var space = Directory.Exists(options.ImagePath) ? options.ImagePath : options.RunDirectory;
        var free = new DriveInfo(space).AvailableFreeSpace >> 20;
        Add("image-space", free >= 64 ? "ok" : "warning", $"{free} MiB free in {space} for process images", "Free some, or set imageDirectory.");
        Add(
            "cluster",
            cluster.Identity is not null ? "ok" : "warning",
            cluster.Identity is not null ? $"this is node '{cluster.Name}' at {cluster.Address}" : "this node is in no cluster, so nothing can move to or from it",
            "twins cluster init on the first node, twins cluster join on the others.");
        if (cluster.Identity is { } identity)
            AddCertificate(Add, identity);
        AddPipeSize(Add);
        AddRedirectPorts(Add);
        AddLeftovers(Add, removeLeftovers);
        return reply;
    }

    private void AddTwins(Action<string, string, string, string> add)
    {
        const string Check = "twin-program";
        if (!File.Exists(paths.TwinProgram))
            add(Check, "failed", $"{paths.TwinProgram} is missing", "Build or install it, or set twinPath.");
        else if (pool.Twins.Count == 0 && options.ReadyTwins > 0)
            add(Check, "failed", $"no twin runs: {paths.TwinProgram} doesn't start", "The log of twinsd says why. Load nfnetlink_queue, and see that twinPath names the twin program.");
        else
            add(Check, "ok", $"{pool.Twins.Count} twins, {pool.Twins.Count(t => t.ProcessCount == 0)} of them ready", "");
    }

    private void AddCertificate(Action<string, string, string, string> add, ClusterIdentity identity)
    {
        const string Check = "certificate";
        var (from, until) = (identity.Certificate.NotBefore.ToUniversalTime(), identity.Certificate.NotAfter.ToUniversalTime());
        if (!identity.IsTrusted)
        {
            add(
                Check,
                "failed",
                $"not valid now, but from {from:yyyy-MM-dd} to {until:yyyy-MM-dd}: no other node talks to this one",
                $"If the clock is wrong, set it. Otherwise stop twinsd, move {options.ClusterDirectory} aside, and join again.");
            return;
        }

        add(
            Check,
            CertificateRenewal.IsDue(identity.Certificate, TimeProvider.System.GetUtcNow()) ? "warning" : "ok",
            $"valid until {until:yyyy-MM-dd}",
            "It is renewed by itself as soon as the node on which 'twins cluster init' was run can be reached.");
    }

    private static void AddPipeSize(Action<string, string, string, string> add)
    {
        const string Path = "/proc/sys/fs/pipe-max-size";
        if (File.Exists(Path) && long.TryParse(File.ReadAllText(Path), CultureInfo.InvariantCulture, out var bytes))
            add("pipe-size", bytes >= 1 << 20 ? "ok" : "warning", $"fs.pipe-max-size is {bytes}", "sysctl -w fs.pipe-max-size=1048576");
    }

    private void AddRedirectPorts(Action<string, string, string, string> add)
    {
        const string Check = "redirect-ports";
        const string Folder = "/proc/sys/net/ipv4/";
        var (first, last) = (options.FirstRedirectPort, options.LastRedirectPort);
        var local = LocalPorts.Parse(File.ReadAllText(Folder + LocalPorts.RangeName), File.ReadAllText(Folder + LocalPorts.ReservedName));
        if (local.FindGiven(first, last) is not (var firstGiven, var lastGiven))
        {
            add(Check, "ok", $"no program gets a port of {first}-{last} unless it asks for it", "");
            return;
        }

        add(
            Check,
            "warning",
            $"the kernel may give programs ports of {firstGiven}-{lastGiven}, which are for redirected connections: what a program opens from one that is in use there gets no answer",
            $"{local.Reserving(first, last)}, and the same in /etc/sysctl.d; or set firstRedirectPort and lastRedirectPort outside of net.ipv4.{LocalPorts.RangeName}.");
    }

    private void AddLeftovers(Action<string, string, string, string> add, bool remove)
    {
        const string Check = "leftovers";
        var found = leftovers.Find();
        if (found.Count == 0)
            add(Check, "ok", "nothing was left behind", "");
        foreach (var leftover in found)
        {
            if (!remove)
            {
                add(Check, "warning", $"{leftover.What}: belongs to nothing", "twins doctor --remove-leftovers");
                continue;
            }

            try
            {
                leftover.Remove();
                add(Check, "ok", $"{leftover.What}: removed", "");
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                add(Check, "failed", $"{leftover.What}: can't be removed: {e.Message}", "Remove it by hand.");
            }
        }
    }

    private static ulong? Capabilities() => File.ReadLines("/proc/self/status")
        .FirstOrDefault(l => l.StartsWith("CapEff:", StringComparison.Ordinal)) is { } line
        && ulong.TryParse(line.AsSpan(7).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var set)
            ? set
            : null;
}

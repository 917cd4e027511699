using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>What a machine can lack, taken from a real one: <c>twins doctor</c> says so, and the remedy.</summary>
[TestClass]
public sealed class DoctorTests
{
    private static readonly string[] Checks =
    [
        "daemon-file ok", "hook-launcher ok", "hook-library ok", "daemon ok", "rights ok", "criu ok", "criu-cache ok",
        "tun ok", "pipe-size ok", "redirect-ports ok", "packet-diversion ok", "twin-program ok", "image-space ok", "cluster warning", "leftovers ok",
    ];

    [TestMethod]
    public void MachineThatLacksNothing_OnlyTheClusterIsMissing()
    {
        using var daemon = new LoneDaemon();
        // Not the same on every machine: what is mounted on /run, and, in a container, CAP_SYS_RESOURCE.
        daemon.Start("mount -t tmpfs none /run");
        JsonElement[] rows = [.. daemon.Twins("doctor").Exits(0).Document.EnumerateArray()
            .Where(row => row.GetProperty("check").GetString() != "foreign-limits")];
        Assert.AreEqual(
            string.Join('\n', Checks), string.Join('\n', rows.Select(row => $"{row.GetProperty("check")} {row.GetProperty("outcome")}")), string.Join('\n', rows));
        Assert.IsTrue(rows.All(row => row.GetProperty("outcome").GetString() != "ok" || row.GetProperty("remedy").GetString() == ""));
        Assert.AreEqual(
            ("warning", "this node is in no cluster, so nothing can move to or from it",
                "twins cluster init on the first node, twins cluster join on the others."),
            daemon.Diagnose("cluster", 0));
    }

    [TestMethod]
    public void UserWithoutRights_IsToldToBecomeRoot()
    {
        using LoneDaemon daemon = new LoneDaemon().Start();
        JsonElement row = daemon.TwinsAsNobody("doctor").Exits(4).Document.EnumerateArray().Last();
        Assert.AreEqual("daemon", row.GetProperty("check").GetString());
        Assert.AreEqual("failed", row.GetProperty("outcome").GetString());
        Assert.AreEqual("Only root may change things: run it with sudo.", row.GetProperty("detail").GetString());
        Assert.AreEqual("run twins doctor as root", row.GetProperty("remedy").GetString());
    }

    [TestMethod]
    public void DaemonWithoutRights_FailsWithTheRemedy()
    {
        using LoneDaemon daemon = new LoneDaemon().Start(with: "setpriv --bounding-set -sys_admin,-sys_resource --inh-caps -sys_admin,-sys_resource");
        Assert.AreEqual(("failed", "twinsd lacks CAP_SYS_ADMIN", "Run twinsd as root."), daemon.Diagnose("rights", 1));
        Assert.AreEqual(
            ("warning", "without CAP_SYS_RESOURCE, processes that change their user can't be dumped",
                "Give twinsd CAP_SYS_RESOURCE, or run such programs as root."),
            daemon.Diagnose("foreign-limits", 1));
    }

    [TestMethod]
    [DataRow("/nowhere/criu")]
    [DataRow("/bin/true")]
    public void CriuThatIsMissingOrNone_FailsWithTheRemedy(string path)
    {
        using LoneDaemon daemon = new LoneDaemon().Start(options: ["--criu-path", path]);
        AssertCriuFails(daemon, path);
    }

    [TestMethod]
    public void CriuThatIsNowhereInThePath_FailsWithTheRemedy()
    {
        using LoneDaemon daemon = new LoneDaemon().Start("""
            mkdir $d/bin
            for program in iptables ip6tables ip bash; do ln -s "$(command -v $program)" $d/bin/; done
            for place in /usr/sbin /usr/local/sbin; do [ ! -e $place/criu ] || mount --bind /dev/null $place/criu; done
            """, with: "env -u TWINS_HOME PATH=$d/bin");
        AssertCriuFails(daemon, "criu");
    }

    [TestMethod]
    public void RunThatIsNoTmpfs_IsWarnedOfWithTheRemedy()
    {
        using LoneDaemon daemon = new LoneDaemon().Start("mount -t ramfs none /run");
        Assert.AreEqual(
            ("warning", "/run is no tmpfs, so CRIU examines the kernel anew in each dump and each restore, while the process is frozen",
                "Mount a tmpfs on /run before twinsd starts."),
            daemon.Diagnose("criu-cache", 0));
    }

    [TestMethod]
    public void IptablesThatIsGone_FailsWithTheRemedy()
    {
        using LoneDaemon daemon = new LoneDaemon().Start();
        Assert.AreEqual("ok", daemon.Diagnose("packet-diversion", 0).Outcome);
        daemon.Spoil("mount --bind /dev/null $(readlink -f $(command -v iptables))");
        (string outcome, string detail, string remedy) = daemon.Diagnose("packet-diversion", 1);
        Assert.AreEqual("failed", outcome);
        Assert.StartsWith("start iptables: ", detail);
        Assert.EndsWith("; install Debian's package iptables", detail);
        Assert.AreEqual("Load nfnetlink_queue, and install nftables and iptables.", remedy);
    }

    [TestMethod]
    public void TunDeviceThatIsMissing_FailsWithTheRemedy()
    {
        using LoneDaemon daemon = new LoneDaemon().Start("mkdir -p /dev/net; mount -t tmpfs none /dev/net");
        Assert.AreEqual(("failed", "/dev/net/tun is missing, no cabin can be made", "modprobe tun"), daemon.Diagnose("tun", 1));
    }

    [TestMethod]
    public void TwinProgramThatIsMissingOrNone_FailsWithTheRemedy()
    {
        using var daemon = new LoneDaemon();
        daemon.Start(options: ["--twin-path", "/nowhere/twin"]);
        Assert.AreEqual(("failed", "/nowhere/twin is missing", "Build or install it, or set twinPath."), daemon.Diagnose("twin-program", 1));
        daemon.Start(options: ["--twin-path", "/bin/true"]);
        Assert.AreEqual(
            ("failed", "no twin runs: /bin/true doesn't start",
                "The log of twinsd says why. Load nfnetlink_queue, and install nftables and iptables. See that twinPath names the twin program."),
            daemon.Diagnose("twin-program", 1));
    }

    [TestMethod]
    public void LittleSpaceForImages_IsWarnedOfWithTheRemedy()
    {
        using var daemon = new LoneDaemon();
        string images = Path.Combine(daemon.RunDirectory, "images");
        daemon.Start($"mkdir -p {images}; mount -t tmpfs -o size=8m none {images}");
        Assert.AreEqual(("warning", $"8 MiB free in {images} for process images", "Free some, or set imageDirectory."), daemon.Diagnose("image-space", 0));
    }

    [TestMethod]
    public void SmallPipes_AreWarnedOfWithTheRemedy()
    {
        using LoneDaemon daemon = new LoneDaemon().Start("echo 65536 >$d/size; mount --bind $d/size /proc/sys/fs/pipe-max-size");
        Assert.AreEqual(("warning", "fs.pipe-max-size is 65536", "sysctl -w fs.pipe-max-size=1048576"), daemon.Diagnose("pipe-size", 0));
    }

    [TestMethod]
    public void RedirectPortsThatTheKernelGivesAway_AreWarnedOfWithTheRemedy()
    {
        using LoneDaemon daemon = new LoneDaemon().Start("sysctl -qw net.ipv4.ip_local_port_range='32768 62000'");
        Assert.AreEqual(
            ("warning",
                "the kernel may give programs ports of 61000-62000, which are for redirected connections: what a program opens from one that is in use there gets no answer",
                "sysctl -w net.ipv4.ip_local_reserved_ports=61000-65535, and the same in /etc/sysctl.d; or set firstRedirectPort and lastRedirectPort outside of net.ipv4.ip_local_port_range."),
            daemon.Diagnose("redirect-ports", 0));
    }

    [TestMethod]
    public void AddressThatNoInterfaceHas_IsWarnedOfWithTheRemedy()
    {
        using LoneDaemon daemon = new LoneDaemon().Start();
        daemon.Twins("cluster", "init", "--address", "192.0.2.7").Exits(0);
        Assert.AreEqual(
            ("warning", "this is node 'lone' at 192.0.2.7:7457, an address that no interface of it has, so that other nodes may not reach it",
                $"Give the address to an interface. If it was a mistake, stop twinsd, move {daemon.ClusterDirectory} aside, and init or join again with --address."),
            daemon.Diagnose("cluster", 0));
    }

    [TestMethod]
    public void RunningKernel_IsWhatTheListOfNodesSays()
    {
        using LoneDaemon daemon = new LoneDaemon().Start();
        JsonElement node = daemon.Twins("nodes").Exits(0).Document.EnumerateArray().Single();
        Assert.AreEqual(File.ReadAllText("/proc/sys/kernel/osrelease").Trim(), node.GetProperty("kernel").GetString());
    }

    [TestMethod]
    public void Certificate_IsToldOf_WarnedOfWhenItIsDue_AndFailsWhenItHasExpired()
    {
        using LoneDaemon daemon = new LoneDaemon().Start();
        daemon.Twins("cluster", "init", "--address", "127.0.0.1").Exits(0);
        Assert.AreEqual(("ok", "this is node 'lone' at 127.0.0.1:7457", ""), daemon.Diagnose("cluster", 0));
        Assert.AreEqual("ok", daemon.Diagnose("certificate", 0).Outcome);

        DateTimeOffset today = DateTimeOffset.UtcNow;
        Replace(daemon.ClusterDirectory, today.AddDays(-300), today.AddDays(60));
        daemon.Start();
        Assert.AreEqual(
            ("warning", $"valid until {today.AddDays(60):yyyy-MM-dd}",
                "It is renewed by itself as soon as the node on which 'twins cluster init' was run can be reached."),
            daemon.Diagnose("certificate", 0));

        Replace(daemon.ClusterDirectory, new DateTimeOffset(2024, 5, 1, 12, 0, 0, TimeSpan.Zero), new DateTimeOffset(2025, 5, 1, 12, 0, 0, TimeSpan.Zero));
        daemon.Start();
        Assert.AreEqual(
            ("failed", "not valid now, but from 2024-05-01 to 2025-05-01: no other node talks to this one",
                $"If the clock is wrong, set it. Otherwise stop twinsd, move {daemon.ClusterDirectory} aside, and join again."),
            daemon.Diagnose("certificate", 1));

        daemon.Stop();
        File.Delete(Path.Combine(daemon.ClusterDirectory, "node.crt"));
        daemon.Start();
        Assert.AreEqual("warning", daemon.Diagnose("cluster", 0).Outcome);
        Assert.IsFalse(daemon.Twins("doctor").Document.EnumerateArray().Any(row => row.GetProperty("check").GetString() == "certificate"));
    }

    private static void AssertCriuFails(LoneDaemon daemon, string names)
    {
        (string outcome, string detail, string remedy) = daemon.Diagnose("criu", 1);
        Assert.AreEqual("failed", outcome);
        Assert.StartsWith("CRIU (", detail);
        Assert.Contains(names, detail);
        Assert.AreEqual("Install CRIU 4.2 or newer; scripts/bootstrap.sh gets one without touching the system's libraries.", remedy);
    }

    /// <summary>Puts a certificate in the node's place that is valid for another time, and takes away the authority, which would renew it.</summary>
    private static void Replace(string cluster, DateTimeOffset from, DateTimeOffset until)
    {
        string keyFile = Path.Combine(cluster, "ca.key"), aside = keyFile + ".aside";
        if (File.Exists(keyFile))
            File.Move(keyFile, aside);
        using var authority = X509Certificate2.CreateFromPem(File.ReadAllText(Path.Combine(cluster, "ca.crt")), File.ReadAllText(aside));
        using X509Certificate2 node = X509Certificate2.CreateFromPem(
            File.ReadAllText(Path.Combine(cluster, "node.crt")), File.ReadAllText(Path.Combine(cluster, "node.key")));
        using ECDsa authorityKey = authority.GetECDsaPrivateKey()!;
        var request = new CertificateRequest(node.SubjectName, node.PublicKey, HashAlgorithmName.SHA256);
        foreach (X509Extension extension in node.Extensions)
            request.CertificateExtensions.Add(extension);
        using X509Certificate2 issued = request.Create(authority.SubjectName, X509SignatureGenerator.CreateForECDsa(authorityKey), from, until, [7, 7, 7]);
        File.WriteAllText(Path.Combine(cluster, "node.crt"), issued.ExportCertificatePem());
    }
}

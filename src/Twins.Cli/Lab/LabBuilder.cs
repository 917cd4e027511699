using System.Globalization;
using System.Text;
using Twins.Cli.Processes;

namespace Twins.Cli.Lab;

/// <summary>Makes the machines of a lab and the network between them.</summary>
internal sealed class LabBuilder(LabFiles files, Installation installation)
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(10);

    // Directories that each machine has for itself must exist to be mounted on.
    private static readonly string[] PrivateDirectories = ["/run", "/var/lib/twins", "/etc/twins"];

    /// <summary>1. Writes the plan down. 2. Starts the switch and the machines. 3. Connects them.
    /// 4. Gives each its own directories. The plan isn't marked complete yet.</summary>
    public async Task<LabPlan> BuildAsync(IReadOnlyList<LabMachine> machines, bool daemons, CancellationToken cancellation)
    {
        // 1.
        string[] missing = [.. PrivateDirectories.Where(directory => !Directory.Exists(directory))];
        var plan = new LabPlan(machines, daemons, missing, Complete: false);
        files.WritePlan(plan);
        foreach (string directory in missing)
            Directory.CreateDirectory(directory);
        await File.WriteAllTextAsync(files.Hosts, HostsOf(machines), cancellation);

        // 2.
        await LabTools.StartHolderAsync(files.Holder(LabFiles.Switch),
            ["unshare", "--net", "--fork", "--pid", "--kill-child", "tini", "--", "sleep", "infinity"], cancellation);
        foreach (LabMachine machine in machines)
        {
            await LabTools.StartHolderAsync(files.Holder(machine.Name),
                ["unshare", "--net", "--pid", "--mount", "--uts", "--ipc", "--propagation", "private",
                 "--mount-proc", "--fork", "--kill-child", "tini", "--", "sleep", "infinity"], cancellation);
        }

        // 3. and 4.
        int switchInit = await InitAsync(LabFiles.Switch, cancellation);
        await LabTools.RunAsync("nsenter", OnNetwork(switchInit, "ip", "-batch", "-"),
            "link add name lab type bridge forward_delay 0 mcast_snooping 0\nlink set lab up\nlink set lo up\n", cancellation);
        foreach (LabMachine machine in machines)
        {
            int init = await InitAsync(machine.Name, cancellation);
            await ConnectAsync(machine, switchInit, init, cancellation);
            await SetUpAsync(machine, machines.Count, init, cancellation);
        }
        return plan;
    }

    private async Task<int> InitAsync(string name, CancellationToken cancellation)
    {
        // tini is PID 1 only after unshare(1) has made and mounted everything.
        ProcessIdentity? init = null;
        await LabTools.WaitAsync(
            () => (init = files.InitOf(name)) is { } found && CommandOf(found.Pid) == "tini",
            StartLimit, $"lab machine {name} didn't start", cancellation);
        return init!.Value.Pid;
    }

    private static async Task ConnectAsync(LabMachine machine, int switchInit, int init, CancellationToken cancellation)
    {
        string port = string.Create(CultureInfo.InvariantCulture, $"port{machine.Number}");
        await LabTools.RunAsync("nsenter", OnNetwork(switchInit, "ip", "-batch", "-"),
            $"link add {port} type veth peer name eth0 netns {init}\nlink set {port} master lab\nlink set {port} up\n", cancellation);
        var inside = new StringBuilder()
            .Append("link set lo up\nlink set eth0 up\n")
            .Append(CultureInfo.InvariantCulture, $"address add {machine.IPv4}/24 dev eth0\n");
        if (File.Exists("/proc/net/if_inet6"))
            inside.Append(CultureInfo.InvariantCulture, $"address add {machine.IPv6}/64 dev eth0 nodad\n");
        await LabTools.RunAsync("nsenter", OnNetwork(init, "ip", "-batch", "-"), inside.ToString(), cancellation);
    }

    private Task SetUpAsync(LabMachine machine, int count, int init, CancellationToken cancellation)
    {
        string[] keep = [.. new[] { installation.Home, installation.ProgramDirectory }
            .Where(directory => directory.StartsWith("/tmp/", StringComparison.Ordinal)).Distinct()];
        string first = FirstPid(machine.Number, count).ToString(CultureInfo.InvariantCulture);
        return LabTools.RunAsync("nsenter",
            [.. LabTools.Enter(init), "sh", "-c", LabTools.Script("machine-setup.sh"), "sh",
             machine.Name, files.Directory, first, installation.Cli, installation.Home, .. keep], null, cancellation);
    }

    /// <summary>The ranges of the machines' process numbers don't meet: a restored process finds its number free.</summary>
    private static int FirstPid(int number, int count)
    {
        // Kernels from 6.14 give each PID namespace its own, large limit; before, all share this machine's.
        int limit = Version.TryParse(Environment.OSVersion.Version.ToString(2), out Version? kernel) && kernel >= new Version(6, 14)
            ? 4_000_000
            : int.Parse(File.ReadAllText("/proc/sys/kernel/pid_max"), CultureInfo.InvariantCulture);
        return Math.Min(100_000, limit / (count + 1)) * number;
    }

    private static string HostsOf(IEnumerable<LabMachine> machines)
    {
        var text = new StringBuilder("127.0.0.1 localhost\n::1 localhost\n");
        foreach (LabMachine machine in machines)
            text.Append(CultureInfo.InvariantCulture, $"{machine.IPv4} {machine.Name}\n{machine.IPv6} {machine.Name}\n");
        return text.ToString();
    }

    private static string CommandOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/comm").Trim();
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static string[] OnNetwork(int init, params string[] command) =>
        ["-t", init.ToString(CultureInfo.InvariantCulture), "-n", "--", .. command];
}

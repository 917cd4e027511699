using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Twins.Cli.Native;
using Twins.Cli.Processes;

namespace Twins.Cli.Tests;

/// <summary>Real machines, made by the built CLI; needs root. Each test has a lab of its own, in its own
/// directory; labs at the same time share the directories that machines mount on.</summary>
[TestClass]
[DoNotParallelize]
public sealed class LabTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly string[] MountPoints = ["/run/twins", "/var/lib/twins", "/etc/twins"];
    private readonly string _directory = Path.Combine("/run", $"twins-lab-test-{Guid.NewGuid():N}"[..28]);

    [TestCleanup]
    public async Task CleanUpAsync()
    {
        await TwinsAsync("lab", "down");
    }

    [TestMethod]
    public async Task Machines_HaveTheirOwnNetworkProcessesAndNames()
    {
        await UpAsync("--nodes", "home,host1", "--outsiders", "peer");
        Assert.AreEqual("peer\n", (await TwinsAsync("lab", "exec", "peer", "--", "hostname")).Output);
        Assert.AreEqual("10.77.0.1/24 fd77::1/64", await AddressesAsync("peer"));
        Assert.AreEqual("10.77.0.2/24 fd77::2/64", await AddressesAsync("home"));
        Assert.AreEqual("10.77.0.3/24 fd77::3/64", await AddressesAsync("host1"));
        Assert.AreEqual("10.77.0.3       host1\n",
            (await TwinsAsync("lab", "exec", "home", "--", "getent", "hosts", "10.77.0.3")).Output);
        int peer = int.Parse((await TwinsAsync("lab", "exec", "peer", "--", "sh", "-c", "echo $$")).Output, CultureInfo.InvariantCulture);
        int home = int.Parse((await TwinsAsync("lab", "exec", "home", "--", "sh", "-c", "echo $$")).Output, CultureInfo.InvariantCulture);
        Assert.IsTrue(home - peer > 5_000, $"{peer} and {home} lie in one range");
    }

    [TestMethod]
    [DataRow("10.77.0.1")]
    [DataRow("fd77::1")]
    public async Task Machines_ReachEachOther(string address)
    {
        await UpAsync("--nodes", "home");
        using Process server = Start("lab", "exec", "peer", "--", "redis-server", "--port", "7000", "--bind", address, "--save", "", "--protected-mode", "no");
        string answer = "";
        for (long start = Stopwatch.GetTimestamp(); answer != "PONG\n" && Stopwatch.GetElapsedTime(start) < Limit; await Task.Delay(50))
            answer = (await TwinsAsync("lab", "exec", "home", "--", "redis-cli", "-h", address, "-p", "7000", "ping")).Output;
        Assert.AreEqual("PONG\n", answer);
        _ = LibC.Kill(server.Id, LibC.SigTerm);
        await server.WaitForExitAsync().WaitAsync(Limit);
        Assert.AreEqual(0, server.ExitCode);
    }

    [TestMethod]
    public async Task Files_BelowTheRunAndTempDirectories_AreTheMachinesOwn()
    {
        await UpAsync("--nodes", "home,host1");
        foreach (string directory in new[] { "/run/twins", "/var/lib/twins", "/etc/twins", "/tmp", "/dev/shm" })
        {
            string file = Path.Combine(directory, Path.GetFileName(_directory));
            Assert.AreEqual(0, (await TwinsAsync("lab", "exec", "home", "--", "touch", file)).ExitCode);
            Assert.AreEqual(1, (await TwinsAsync("lab", "exec", "host1", "--", "test", "-e", file)).ExitCode);
            Assert.IsFalse(File.Exists(file));
        }
    }

    [TestMethod]
    public async Task Exec_PassesInputArgumentsDirectoryAndExitCode()
    {
        await UpAsync("--nodes", "home");
        CommandLineResult result = await TwinsAsync(
            "lab", "exec", "home", "--", "sh", "-c", "pwd; echo \"$1|$2\"; echo oops >&2; exit 9", "--", "a b", "--json");
        Assert.AreEqual(new CommandLineResult(9, "/usr\na b|--json\n", "oops\n"), result);
        Assert.AreEqual(143, (await TwinsAsync("lab", "exec", "home", "--", "sh", "-c", "kill $$")).ExitCode);
        Assert.AreEqual(127, (await TwinsAsync("lab", "exec", "home", "--", "no-such-program")).ExitCode);
        Assert.AreEqual("0.1.0\n", (await TwinsAsync("lab", "exec", "home", "--", "twins", "--version")).Output);
        CommandLineResult unknown = await TwinsAsync("lab", "exec", "mars", "--", "true");
        Assert.AreEqual(new CommandLineResult(6, "", "twins: the lab has no machine 'mars', only peer, home\n"), unknown);
    }

    [TestMethod]
    public async Task ExecAtATerminal_CtrlC_TheProgramsEndIsWaitedFor()
    {
        await UpAsync("--nodes", "home");
        ProcessStartInfo start = BuiltCli.Start();
        // A terminal of its own: what is written to script(1) is typed there. Its shell makes way, or would
        // tell of Ctrl-C itself. Short sleeps: one that begins after the signal isn't ended by it.
        start.FileName = "script";
        foreach (string argument in (string[])["-qec", $"exec {BuiltCli.Path} lab exec home -- sh -c 'trap \"sleep 1; echo over; exit 5\" INT; echo begun; n=0; while [ $n -lt 600 ]; do sleep 0.1; n=$((n+1)); done'", "/dev/null"])
            start.ArgumentList.Add(argument);
        start.Environment["TWINS_LAB"] = _directory;
        using Process terminal = Process.Start(start)!;
        string line = "";
        while (!line.Contains("begun", StringComparison.Ordinal))
            line = await terminal.StandardOutput.ReadLineAsync().WaitAsync(Limit) ?? throw new AssertFailedException("The program didn't begin.");
        await terminal.StandardInput.WriteAsync('\x03');
        await terminal.StandardInput.FlushAsync();
        string rest = await terminal.StandardOutput.ReadToEndAsync().WaitAsync(Limit);
        await terminal.WaitForExitAsync().WaitAsync(Limit);
        Assert.AreEqual(5, terminal.ExitCode, rest);
        Assert.Contains("over", rest);
    }

    [TestMethod]
    public async Task Status_TellsWhatIsUp()
    {
        Assert.AreEqual("{\"up\":false,\"machines\":[]}\n", (await TwinsAsync("lab", "status", "--json")).Output);
        CommandLineResult up = await UpAsync("--nodes", "home", "--json");
        CommandLineResult status = await TwinsAsync("lab", "status", "--json");
        Assert.AreEqual(up.Output, status.Output);
        using JsonDocument document = JsonDocument.Parse(status.Output);
        JsonElement peer = document.RootElement.GetProperty("machines")[0];
        int init = peer.GetProperty("initPid").GetInt32();
        Assert.AreEqual(
            $$"""{"name":"peer","role":"outsider","addresses":["10.77.0.1","fd77::1"],"initPid":{{init}},"state":"running"}""",
            peer.GetRawText());
        Assert.AreEqual("tini\n", await File.ReadAllTextAsync($"/proc/{init}/comm"));
    }

    [TestMethod]
    public async Task SecondUp_SaysThatItIsUp_AndRefusesAnother()
    {
        await UpAsync("--nodes", "home");
        CommandLineResult same = await TwinsAsync("lab", "up", "--no-daemon", "--nodes", "home");
        Assert.AreEqual(0, same.ExitCode);
        Assert.AreEqual("the lab is up already\n", same.Error);
        CommandLineResult other = await TwinsAsync("lab", "up", "--no-daemon", "--nodes", "home,host1");
        Assert.AreEqual(new CommandLineResult(1, "", "twins: another lab is up (peer, home); end it first: twins lab down\n"), other);
    }

    [TestMethod]
    public async Task Down_LeavesNothing()
    {
        string directories = string.Join(' ', MountPoints.Where(Directory.Exists));
        string before = await File.ReadAllTextAsync("/proc/self/mountinfo");
        await UpAsync("--nodes", "home,host1,host2");
        using Process sleeper = Start("lab", "exec", "host1", "--", "sleep", "600");
        int[] machines = Machines((await TwinsAsync("lab", "status", "--json")).Output);
        Assert.HasCount(4, machines);
        Assert.AreEqual("The lab is down.\n", (await TwinsAsync("lab", "down")).Output);
        await sleeper.WaitForExitAsync().WaitAsync(Limit);
        Assert.IsFalse(machines.Any(pid => ProcessIdentity.Of(pid) is { IsAlive: true }));
        Assert.IsFalse(Directory.Exists(_directory));
        Assert.AreEqual(directories, string.Join(' ', MountPoints.Where(Directory.Exists)));
        Assert.AreEqual(before, await File.ReadAllTextAsync("/proc/self/mountinfo"));
        Assert.AreEqual("No lab was up.\n", (await TwinsAsync("lab", "down")).Output);
        Assert.AreEqual("{\"up\":false,\"machines\":[]}\n", (await TwinsAsync("lab", "status", "--json")).Output);
    }

    [TestMethod]
    [DataRow(LibC.SigInt)]
    [DataRow(LibC.SigTerm)]
    public async Task UpThatIsInterrupted_LeavesNothing(int signal)
    {
        using Process up = Start("lab", "up", "--no-daemon", "--nodes", "home,host1,host2,host3,host4,host5");
        await UntilAsync(() => Directory.Exists(_directory) && Directory.GetFiles(_directory, "host*.stat").Length > 0);
        ProcessIdentity[] holders = Holders();
        _ = LibC.Kill(up.Id, signal);
        await up.WaitForExitAsync().WaitAsync(Limit);
        Assert.AreEqual(130, up.ExitCode);
        Assert.IsFalse(Directory.Exists(_directory));
        Assert.IsFalse(holders.Any(holder => holder.IsAlive));
    }

    [TestMethod]
    public async Task UpThatIsKilled_IsRemovedByDown()
    {
        using Process up = Start("lab", "up", "--no-daemon", "--nodes", "home,host1,host2,host3,host4,host5");
        await UntilAsync(() => Directory.Exists(_directory) && Directory.GetFiles(_directory, "host*.stat").Length > 0);
        _ = LibC.Kill(up.Id, LibC.SigKill);
        await up.WaitForExitAsync().WaitAsync(Limit);
        ProcessIdentity[] holders = Holders();
        Assert.IsTrue(holders.Any(holder => holder.IsAlive));
        Assert.AreEqual("The lab is down.\n", (await TwinsAsync("lab", "down")).Output);
        Assert.IsFalse(Directory.Exists(_directory));
        Assert.IsFalse(holders.Any(holder => holder.IsAlive));
    }

    [TestMethod]
    [DataRow("home,home")]
    [DataRow("a b")]
    [DataRow("")]
    [DataRow("-x")]
    public async Task UnusableNames_AreRefused(string nodes)
    {
        CommandLineResult result = await TwinsAsync("lab", "up", "--no-daemon", "--nodes=" + nodes);
        Assert.AreEqual(2, result.ExitCode);
        Assert.IsFalse(Directory.Exists(_directory));
    }

    private ProcessIdentity[] Holders() =>
        [.. Directory.GetFiles(_directory, "*.stat").Select(file => ProcessIdentity.Parse(File.ReadAllText(file))).OfType<ProcessIdentity>()];

    private static int[] Machines(string status)
    {
        using JsonDocument document = JsonDocument.Parse(status);
        return [.. document.RootElement.GetProperty("machines").EnumerateArray().Select(machine => machine.GetProperty("initPid").GetInt32())];
    }

    private async Task<string> AddressesAsync(string machine)
    {
        string all = (await TwinsAsync("lab", "exec", machine, "--", "ip", "-brief", "address", "show", "dev", "eth0", "scope", "global")).Output;
        return string.Join(' ', all.Split(' ', StringSplitOptions.RemoveEmptyEntries)[2..]).Trim();
    }

    private async Task<CommandLineResult> UpAsync(params string[] arguments)
    {
        CommandLineResult up = await TwinsAsync(["lab", "up", "--no-daemon", .. arguments]);
        Assert.AreEqual(0, up.ExitCode, up.Error);
        return up;
    }

    private Process Start(params string[] arguments)
    {
        ProcessStartInfo start = BuiltCli.Start(arguments);
        start.WorkingDirectory = "/usr";
        start.Environment["TWINS_LAB"] = _directory;
        Process process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    private async Task<CommandLineResult> TwinsAsync(params string[] arguments)
    {
        using Process process = Start(arguments);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(Limit);
        return new CommandLineResult(process.ExitCode, await output, await error);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (long start = Stopwatch.GetTimestamp(); !condition(); await Task.Delay(2))
            Assert.IsTrue(Stopwatch.GetElapsedTime(start) < Limit, "waited too long");
    }
}

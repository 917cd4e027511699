using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Twins.KernelTests.Lab;

/// <summary>A machine of the lab.</summary>
/// <param name="lab">The lab's directory.</param>
/// <param name="name">Its name, which is its node's name too.</param>
/// <param name="address">Its IPv4 address.</param>
/// <param name="init">Its PID 1, as this machine numbers it.</param>
internal sealed class Machine(string lab, string name, string address, int init)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    public string Name => name;

    public string Address => address;

    /// <summary>Log of its <c>twinsd</c>.</summary>
    public string LogPath => Path.Combine(lab, name + ".log");

    /// <summary>A file of this machine, as seen from outside.</summary>
    public string Outside(string path) => $"/proc/{init.ToString(CultureInfo.InvariantCulture)}/root{path}";

    /// <summary>Runs a program to its end.</summary>
    public CommandResult Exec(params string[] command) => ExecWithin(Limit, command);

    /// <summary>Runs a program to its end, which must come in that time.</summary>
    public CommandResult ExecWithin(TimeSpan limit, params string[] command)
    {
        string line = $"{name}: {string.Join(' ', command)}";
        ProcessStartInfo start = Enter(command);
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            throw new AssertFailedException($"Not within {limit.TotalSeconds:0} s: {line}");
        }
        return new CommandResult(line, process.ExitCode, output.Result, error.Result);
    }

    /// <summary>Runs a shell script that must succeed, and gives its output.</summary>
    public string Shell(string script) => Exec("sh", "-ec", script).Succeeded().Output;

    /// <summary>Starts a program and lets it run.</summary>
    public BackgroundProgram Start(params string[] command) =>
        new(Enter(command), $"{name}: {string.Join(' ', command)}");

    /// <summary>Runs <c>twins ARGUMENTS --json</c> against this node's <c>twinsd</c>.</summary>
    public TwinsResult Twins(params string[] arguments) => new(Exec([Repository.Cli, .. arguments, "--json"]));

    /// <summary>Starts <c>twins ARGUMENTS --json</c> and lets it run.</summary>
    public BackgroundProgram StartTwins(params string[] arguments) => Start([Repository.Cli, .. arguments, "--json"]);

    /// <summary>The processes that this node knows: <c>twins ls</c>.</summary>
    public IReadOnlyList<JsonElement> List() => [.. Twins("ls").Exits(0).Document.EnumerateArray()];

    /// <summary>One process in <c>twins ls</c>; null if it isn't there.</summary>
    public JsonElement? Find(string process)
    {
        foreach (JsonElement row in List())
        {
            if (row.GetProperty("name").GetString() == process)
                return row;
        }
        return null;
    }

    /// <summary>True if a process of that number, not a zombie, is there.</summary>
    public bool Runs(int pid) => StateOf(pid) is not ('Z' or 'X' or ' ');

    /// <summary>State of a process, as in <c>/proc/PID/stat</c>; a space if there is none.</summary>
    public char StateOf(int pid)
    {
        string stat = ReadOf(pid, "stat");
        return stat.Length > 0 ? stat[stat.LastIndexOf(')') + 2] : ' ';
    }

    /// <summary>Whether a restored process has been let go: until then CRIU's code in it waits on a futex, which a program with one thread never does.</summary>
    public bool IsResumed(int pid) =>
        StateOf(pid) is 'S' or 'R' && !ReadOf(pid, "wchan").Contains("futex", StringComparison.Ordinal);

    /// <summary>
    /// Whether a process is restored, so that CRIU waits to be told to let it go: CRIU in a receive call, CRIU's code in the process on a
    /// futex. Before that it waits in the same way for answers to its earlier notifications, but the process has CRIU's name still.
    /// </summary>
    public bool IsRestored(int pid, int criu) => StateOf(pid) == 'S'
        && ReadOf(pid, "comm") != ReadOf(criu, "comm") && ReadOf(pid, "wchan").Contains("futex", StringComparison.Ordinal)
        && ReadOf(criu, "wchan") is "__skb_wait_for_more_packets" or "unix_dgram_recvmsg";

    /// <summary>Sends a signal to a process of this machine.</summary>
    public void Kill(int pid, int signal = Native.SigKill) => Exec(
        "kill", string.Create(CultureInfo.InvariantCulture, $"-{signal}"),

        // 0 and below are whole groups, the test's own among them.
        pid > 1 ? pid.ToString(CultureInfo.InvariantCulture) : throw new ArgumentOutOfRangeException(nameof(pid), pid, "no process's number"));

    /// <summary>Kills a process and waits until its number is free.</summary>
    public void End(int pid)
    {
        Kill(pid);
        Eventually.Holds(() => StateOf(pid) == ' ', string.Create(CultureInfo.InvariantCulture, $"{name} has no process {pid} any more"));
    }

    /// <summary>Kills its PID 1, and with it everything on the machine: it is gone for good, and answers nothing.</summary>
    public void Destroy() => _ = Native.Kill(init, Native.SigKill);

    /// <summary>The processes on this machine whose program file has that name.</summary>
    public IReadOnlyList<int> PidsOf(string program) => Pids("-x", program);

    /// <summary>twinsd. A child that it starts is called so too, until it is another program; its number is higher.</summary>
    public int DaemonPid => PidsOf("twinsd").Min();

    /// <summary>CRIU at work, or waiting for it.</summary>
    public IReadOnlyList<int> CriuPids() => Pids("-f", "swrk 3|(dump|restore) --rpc");

    /// <summary>A file of a process in /proc; empty if there is none.</summary>
    private string ReadOf(int pid, string file)
    {
        try
        {
            return File.ReadAllText(Outside(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/{file}")));
        }
        catch (IOException)
        {
            return "";
        }
    }

    private int[] Pids(string how, string what) =>
        [.. Exec("pgrep", how, what).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => int.Parse(line, CultureInfo.InvariantCulture))];

    private ProcessStartInfo Enter(string[] command)
    {
        var start = new ProcessStartInfo("nsenter",
            ["-t", init.ToString(CultureInfo.InvariantCulture), "-n", "-p", "-m", "-u", "-i", "--", .. command])
        { WorkingDirectory = "/" };
        start.Environment["PATH"] = $"/run/twins/bin:{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin";
        start.Environment["TWINS_HOME"] = Repository.Root;
        start.Environment.Remove("TWINS_SOCKET");
        return start;
    }
}

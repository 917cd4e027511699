using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Twins.KernelTests.Lab;

/// <summary>
/// A Windows node under Wine on a machine of the lab, beside its Linux one: twinsd.exe with its twins, and the WinDivert rig for a
/// driver. Its node API isn't used: Wine 8 can't do TLS for .NET.
/// </summary>
internal sealed class WindowsNode : IDisposable
{
    private const string Mark = "0x5744";
    private const string RigSocket = "/tmp/twins-windows-rig";
    private static readonly string Programs = Path.Combine(Repository.Root, "build", "rigs", "windows");
    private static readonly string Prefix = Path.Combine(Repository.Root, "build", "wine", "windows-node");

    private readonly Machine _machine;
    private readonly BackgroundProgram _bridge;
    private BackgroundProgram _daemon;

    private WindowsNode(Machine machine)
    {
        _machine = machine;
        ChangeRules("-A");
        _bridge = machine.Start(Path.Combine(Repository.Root, "build", "rigs", "windivert", "bridge"), "--socket", RigSocket, "--mark", Mark, "--queue", "10", "--queue", "11");
        _bridge.WaitFor("ready");
        _daemon = StartDaemon();
    }

    /// <summary>Builds what is needed; to be called once before the first test.</summary>
    public static void Prepare()
    {
        using Process process = Process.Start(new ProcessStartInfo(Repository.Rig("winnode/prepare.sh")) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, error);
    }

    /// <summary>Starts it, with nothing of an earlier one.</summary>
    public static WindowsNode Start(Machine machine)
    {
        string data = Path.Combine(Prefix, "drive_c", "ProgramData", "Twins");
        if (Directory.Exists(data))
            Directory.Delete(data, recursive: true);
        return new WindowsNode(machine);
    }

    /// <summary>A Windows program of tests/rigs/winnode, for a command line.</summary>
    public static string Program(string name) => Path.Combine(Repository.Root, "build", "rigs", "winnode", name);

    /// <summary>Runs <c>twins.exe ARGUMENTS --json</c>.</summary>
    public TwinsResult Twins(params string[] arguments) => new(Wine("twins.exe", [.. arguments, "--json"]));

    /// <summary>Runs <c>twins.exe run --detach</c>.</summary>
    /// <returns>The PID that Windows gave it.</returns>
    public int Run(string name, params string[] command)
    {
        CommandResult told = Wine("twins.exe", ["run", "--detach", "--name", name, "--", .. command]).Succeeded();
        string line = told.Output.Split('\n').Single(line => line.StartsWith(name + " ", StringComparison.Ordinal));
        return int.Parse(line[(name.Length + 1)..], CultureInfo.InvariantCulture);
    }

    /// <summary>Kills its twins, as another program would.</summary>
    public void KillTwins()
    {
        foreach (int twin in _machine.PidsOf("twin.exe"))
            _machine.Kill(twin);
    }

    /// <summary>Kills twinsd.exe, and starts another.</summary>
    public void RestartDaemon()
    {
        foreach (int daemon in _machine.PidsOf("twinsd.exe"))
            _machine.Kill(daemon);
        _daemon.Dispose();
        _daemon = StartDaemon();
    }

    public JsonElement Show(string process) => Twins("show", process).Exits(0).Document;

    /// <inheritdoc/>
    public void Dispose()
    {
        _ = _machine.Exec(Environment(["wineserver", "-k"]));
        _daemon.Dispose();
        _bridge.Dispose();
        ChangeRules("-D");
    }

    public override string ToString() => $"{_daemon}\n{_bridge}";

    private BackgroundProgram StartDaemon()
    {
        BackgroundProgram daemon = _machine.Start(Environment(["wine", Path.Combine(Programs, "twinsd.exe"), "--api-port", "7557", "--ready-twins", "1"]));
        Eventually.Holds(() => daemon.HasEnded || Twins("ls").ExitCode == 0, () => $"twinsd.exe answers: {daemon}", TimeSpan.FromSeconds(60));
        Assert.IsFalse(daemon.HasEnded, $"It ended: {daemon}");
        return daemon;
    }

    private CommandResult Wine(string program, string[] arguments) => _machine.Exec(Environment(["wine", Path.Combine(Programs, program), .. arguments]));

    // As in scripts/wine.sh.
    private static string[] Environment(string[] command) =>
        ["env", $"WINEPREFIX={Prefix}", "WINEDEBUG=-all", "DOTNET_EnableWriteXorExecute=0", "LC_ALL=C.UTF-8", $"TWINS_RIG_SOCKET={RigSocket}", .. command];

    private void ChangeRules(string change) => _machine.Shell($"""
        for protocol in tcp udp icmp; do
            iptables -t mangle {change} OUTPUT ! -o lo -p $protocol -m mark ! --mark {Mark} -j NFQUEUE --queue-num 10 --queue-bypass
            iptables -t mangle {change} PREROUTING ! -i lo -p $protocol -m mark ! --mark {Mark} -j NFQUEUE --queue-num 11 --queue-bypass
        done
        """);
}

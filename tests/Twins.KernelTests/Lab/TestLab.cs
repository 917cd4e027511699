using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Twins.KernelTests.Lab;

/// <summary>
/// The lab of this test run: one outsider, <c>peer</c>, and three nodes, in a directory of its own, so that
/// a lab that a user has up is neither used nor taken down.
/// </summary>
internal static class TestLab
{
    /// <summary>One for each source tree: tests of two trees can run at a time.</summary>
    public static string Directory { get; } =
        "/run/twins-lab-test-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Repository.Root)))[..8];

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
    private static Dictionary<string, Machine> _machines = [];
    private static bool _isUp;

    public static Machine Peer => _machines["peer"];

    public static Machine Home => _machines["home"];

    public static Machine Host1 => _machines["host1"];

    public static Machine Host2 => _machines["host2"];

    public static IReadOnlyList<Machine> Nodes => [Home, Host1, Host2];

    /// <summary>What the kernel of each node showed before any test.</summary>
    public static IReadOnlyDictionary<string, KernelState> Clean { get; private set; } = new Dictionary<string, KernelState>();

    /// <summary>Makes the lab; what an earlier run of these tests left behind goes first.</summary>
    public static void Up()
    {
        if (_isUp)
            return;
        Run("lab", "down");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Down();
        _isUp = true;
        string answer = Run("lab", "up", "--nodes", "home,host1,host2", "--outsiders", "peer", "--json");
        using JsonDocument lab = JsonDocument.Parse(answer);
        _machines = lab.RootElement.GetProperty("machines").EnumerateArray().Select(machine => new Machine(
            machine.GetProperty("name").GetString()!,
            machine.GetProperty("addresses")[0].GetString()!,
            machine.GetProperty("initPid").GetInt32())).ToDictionary(machine => machine.Name);
        Clean = Nodes.ToDictionary(node => node.Name, KernelState.Of);
        PeerCounters.Install(Peer);
    }

    /// <summary>Removes the lab, however far it got.</summary>
    public static void Down()
    {
        if (!_isUp)
            return;
        _isUp = false;
        Run("lab", "down");
    }

    /// <summary>The next test gets a new lab.</summary>
    public static void Discard() => Down();

    private static string Run(params string[] arguments)
    {
        var start = new ProcessStartInfo(Repository.Cli, arguments)
        { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        start.Environment["TWINS_HOME"] = Repository.Root;
        start.Environment["TWINS_LAB"] = Directory;
        start.Environment["TWINS_CRIU_PATH"] = CriuGate.Program;
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill();
            throw new InvalidOperationException($"twins {string.Join(' ', arguments)} took longer than {Limit}");
        }
        return process.ExitCode == 0 ? output.Result
            : throw new InvalidOperationException($"twins {string.Join(' ', arguments)} ended with {process.ExitCode}: {error.Result}");
    }
}

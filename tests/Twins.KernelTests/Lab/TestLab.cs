using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Twins.KernelTests.Lab;

/// <summary>
/// A lab of this test run: one outsider, <c>peer</c>, and three nodes, in a directory of its own, so that
/// a lab that a user has up is neither used nor taken down. Each test that runs has one, and gives it back for the next.
/// </summary>
internal sealed class TestLab
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
    private static readonly ConcurrentStack<TestLab> Free = new();
    private static readonly ConcurrentBag<TestLab> All = [];
    private static readonly AsyncLocal<TestLab?> OfThisTest = new();
    private static int _made;
    private static volatile bool _isOver;

    private readonly string _directory;
    private readonly Lock _change = new();
    private Dictionary<string, Machine> _machines = [];
    private Dictionary<string, KernelState> _clean = [];
    private bool _isUp;

    // One for each source tree and each test at a time: tests of two trees can run at a time.
    private TestLab(int number) => _directory = string.Create(
        CultureInfo.InvariantCulture, $"/run/twins-lab-test-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Repository.Root)))[..8]}-{number}");

    private static TestLab Current => OfThisTest.Value ?? throw new InvalidOperationException("No lab was taken for this test.");

    public static Machine Peer => Current._machines["peer"];

    public static Machine Home => Current._machines["home"];

    public static Machine Host1 => Current._machines["host1"];

    public static Machine Host2 => Current._machines["host2"];

    public static IReadOnlyList<Machine> Nodes => [Home, Host1, Host2];

    /// <summary>What the kernel of each node showed before any test.</summary>
    public static IReadOnlyDictionary<string, KernelState> Clean => Current._clean;

    /// <summary>Gives the calling test a lab.</summary>
    public static void Take()
    {
        if (!Free.TryPop(out TestLab? lab))
            All.Add(lab = new TestLab(Interlocked.Increment(ref _made)));
        OfThisTest.Value = lab;
        lab.Up();
    }

    /// <summary>The calling test needs its lab no more.</summary>
    public static void GiveBack()
    {
        Free.Push(Current);
        OfThisTest.Value = null;
    }

    /// <summary>The next test gets a new lab.</summary>
    public static void Discard() => Current.Down();

    /// <summary>Removes the labs, however far they got. No other is made.</summary>
    public static void DownAll()
    {
        _isOver = true;
        foreach (TestLab lab in All)
        {
            try
            {
                lab.Down();
            }
            catch (InvalidOperationException e)
            {
                // The others go all the same.
                Console.Error.WriteLine(e.Message);
            }
        }
    }

    /// <summary>Makes the lab; what an earlier run of these tests left behind goes first.</summary>
    private void Up()
    {
        lock (_change)
            UpAlone();
    }

    private void UpAlone()
    {
        if (_isUp)
            return;
        if (_isOver)
            throw new InvalidOperationException("The test run has ended.");
        Run("lab", "down");
        _isUp = true;
        string answer = Run("lab", "up", "--nodes", "home,host1,host2", "--outsiders", "peer", "--json");
        using JsonDocument lab = JsonDocument.Parse(answer);
        _machines = lab.RootElement.GetProperty("machines").EnumerateArray().Select(machine => new Machine(
            _directory,
            machine.GetProperty("name").GetString()!,
            machine.GetProperty("addresses")[0].GetString()!,
            machine.GetProperty("initPid").GetInt32())).ToDictionary(machine => machine.Name);
        _clean = Nodes.ToDictionary(node => node.Name, KernelState.Of);
        PeerCounters.Install(Peer);
    }

    private void Down()
    {
        lock (_change)
        {
            if (!_isUp)
                return;
            _isUp = false;
            Run("lab", "down");
        }
    }

    private string Run(params string[] arguments)
    {
        var start = new ProcessStartInfo(Repository.Cli, arguments)
        { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        start.Environment["TWINS_HOME"] = Repository.Root;
        start.Environment["TWINS_LAB"] = _directory;
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

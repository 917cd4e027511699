using System.Globalization;
using System.Text.Json;

namespace Twins.KernelTests.Lab;

/// <summary>
/// A test on the lab. What it starts ends with it: afterwards no node knows a process, and nothing of Twins is in
/// any kernel table; otherwise the test fails, and the next one gets a new lab.
/// </summary>
public abstract class LabTest
{
    // A connection that a process closed and whose peer doesn't end it keeps a former host's cabin until the kernel gives it up.
    private static readonly TimeSpan LongestLinger = TimeSpan.FromMinutes(3);

    private readonly List<BackgroundProgram> _programs = [];
    private readonly List<MobileProcess> _mobile = [];
    private readonly Dictionary<string, long> _logStarts = [];

    public TestContext TestContext { get; set; } = null!;

    /// <summary>The test has killed a machine: there is nothing to look at afterwards, and the next test gets a new lab.</summary>
    private protected bool IsLabSpent { get; set; }

    private protected static Machine Peer => TestLab.Peer;

    private protected static Machine Home => TestLab.Home;

    private protected static Machine Host1 => TestLab.Host1;

    private protected static Machine Host2 => TestLab.Host2;

    [TestInitialize]
    public void BeginOnLab()
    {
        TestLab.Take();
        PeerCounters.ForgetConnections(Peer);
        foreach (Machine node in TestLab.Nodes)
            _logStarts[node.Name] = new FileInfo(node.LogPath).Length;
    }

    [TestCleanup]
    public void EndOnLab()
    {
        bool failed = TestContext.CurrentTestOutcome != UnitTestOutcome.Passed;
        if (failed)
            TellKernels();
        try
        {
            foreach (BackgroundProgram program in _programs)
                program.Dispose();
            if (!IsLabSpent)
                EndMobileProcesses();
            if (!failed && !IsLabSpent)
                AssertNothingIsLeft();
        }
        catch (Exception)
        {
            if (!failed)
                TellKernels();
            failed = true;
            throw;
        }
        finally
        {
            if (failed)
                TellLogs();
            if (failed || IsLabSpent)
                TestLab.Discard();
            TestLab.GiveBack();
        }
    }

    /// <summary>Starts a program on a machine; it ends with the test.</summary>
    private protected BackgroundProgram Start(Machine machine, params string[] command)
    {
        BackgroundProgram program = machine.Start(command);
        _programs.Add(program);
        return program;
    }

    /// <summary>Starts <c>twins ARGUMENTS --json</c> on a machine; it ends with the test.</summary>
    private protected BackgroundProgram StartTwins(Machine machine, params string[] arguments)
    {
        BackgroundProgram program = machine.StartTwins(arguments);
        _programs.Add(program);
        return program;
    }

    /// <summary>Settings are read at the start of <c>twinsd</c>, which the lab starts again.</summary>
    private protected static void Configure(Machine node, string settings)
    {
        node.Shell($"cat >/etc/twins/twinsd.json <<'END'\n{settings}\nEND");
        int old = node.DaemonPid;
        node.Kill(old, Native.SigTerm);
        Eventually.Holds(() => node.PidsOf("twinsd") is [int now] && now != old && node.Twins("ls").ExitCode == 0, $"twinsd of {node.Name} is back");
    }

    /// <summary>Starts a mobile process with <c>twins run --detach</c>.</summary>
    private protected MobileProcess RunMobile(Machine node, string name, params string[] command)
    {
        CommandResult result = node.Exec([Repository.Cli, "run", "--detach", "--name", name, "--", .. command]).Succeeded();
        // The program's own output may come first.
        string? line = result.Output.Split('\n').SingleOrDefault(line => line.StartsWith(name + " ", StringComparison.Ordinal));
        Assert.IsNotNull(line, $"twins run prints NAME and PID: {result}");
        return Adopt(name, int.Parse(line[(name.Length + 1)..], CultureInfo.InvariantCulture), node);
    }

    /// <summary>Remembers a mobile process that was made in another way, so that it ends with the test.</summary>
    private protected MobileProcess Adopt(string name, int pid, Machine home)
    {
        var process = new MobileProcess(name, pid, home);
        _mobile.Add(process);
        return process;
    }

    /// <summary>Opens checked connections from the peer with <c>traffic.py talk</c>.</summary>
    private protected CheckedClient Talk(string endpoint, params string[] options) => new(
        Start(Peer, ["python3", Repository.Rig("traffic.py"), "talk", endpoint, "--seconds", "600", .. options]));

    /// <summary>Downloads, again and again, what <see cref="TestFiles.Web"/> has from a web server at home.</summary>
    private protected CheckedClient Browse(int port) => new(Start(Peer, "python3", Repository.Rig("checked_http.py"),
        string.Create(CultureInfo.InvariantCulture, $"10.77.0.2:{port}"),
        "/big.bin", TestFiles.Web.BigSha256, "/small.bin", TestFiles.Web.SmallSha256));

    /// <summary>Waits until something listens on a port of a machine.</summary>
    private protected static void WaitForListener(Machine machine, int port) => Eventually.Holds(
        () => machine.Shell(string.Create(CultureInfo.InvariantCulture, $"ss -Htln 'sport = :{port}'")).Length > 0,
        string.Create(CultureInfo.InvariantCulture, $"something listens on {machine.Name}:{port}"));

    /// <summary><c>twins ls</c> shows the process at this place and epoch: at home and where it runs; no other node shows anything else.</summary>
    private protected static void AssertEverywhere(MobileProcess process, int epoch)
    {
        foreach (Machine node in TestLab.Nodes)
        {
            bool involved = node == process.Home || node == process.Node;
            JsonElement? found = Eventually.Reads(() => node.Find(process.Name),
                row => row is { } shown
                    ? shown.GetProperty("node").GetString() == process.Node.Name && shown.GetProperty("epoch").GetInt32() == epoch
                    : !involved,
                $"twins ls on {node.Name} shows {process.Name} on {process.Node.Name} at epoch {epoch}");
            if (found is not { } there)
                continue;
            Assert.AreEqual("running", there.GetProperty("state").GetString(), $"on {node.Name}: {there}");
            Assert.AreEqual(process.Pid, there.GetProperty("pid").GetInt32());
        }
    }

    /// <summary>Nothing of Twins is in any kernel table or run-time directory of any node.</summary>
    private protected static void AssertNothingIsLeft()
    {
        foreach (Machine node in TestLab.Nodes)
            AssertNothingIsLeftOn(node);
    }

    /// <inheritdoc cref="AssertNothingIsLeft"/>
    private protected static void AssertNothingIsLeftOn(Machine node)
    {
        string clean = TestLab.Clean[node.Name].Text;
        KernelState state = Eventually.Reads(() => KernelState.Of(node), now => now.Text == clean,
            $"nothing of Twins is left on {node.Name}. Before the first test:\n{clean}\nnow", LongestLinger);
        Assert.AreEqual(clean, state.Text);
    }

    private void EndMobileProcesses()
    {
        foreach (MobileProcess process in _mobile)
        {
            foreach (Machine node in TestLab.Nodes.Where(node => node.Runs(process.Pid)))
            {
                foreach (int pid in process.Node == node ? process.Tree() : [process.Pid])
                    node.Kill(pid);
            }
        }
        foreach (Machine node in TestLab.Nodes)
        {
            Eventually.Holds(() => node.List().Count == 0, () => $"twins ls on {node.Name} is empty: {string.Join('\n', node.List())}");
        }
    }

    /// <summary>What is diverted, redirected and connected, and each thread with its network namespace, when a test has failed.</summary>
    private void TellKernels()
    {
        if (IsLabSpent)
            return;
        foreach (Machine machine in (Machine[])[Peer, .. TestLab.Nodes])
        {
            CommandResult told = machine.Exec("sh", "-c", """
                nft list ruleset; iptables-save -c -t raw; cat /proc/net/netfilter/nfnetlink_queue; nstat -as; ss -tanoi
                for cabin in /run/twins/cabins/*; do [ -e "$cabin" ] && echo "$cabin" && nsenter --net="$cabin" ss -tanoi; done
                for task in /proc/[0-9]*/task/*; do echo "$task" $(grep -hE '^(Name|State|PPid):' $task/status) $(readlink $task/ns/net) $(tr '\0' ' ' <$task/cmdline | cut -c1-120); done
                """);
            TestContext.WriteLine("{0} at the end:\n{1}\n{2}", machine.Name, told.Output, told.Error);
            foreach (MobileProcess process in machine == Peer ? [] : _mobile)
                TestContext.WriteLine("{0}", machine.Exec(Repository.Cli, "show", process.Name));
        }
    }

    private void TellLogs()
    {
        foreach (Machine node in TestLab.Nodes)
        {
            if (!File.Exists(node.LogPath))
                continue;
            using FileStream log = File.OpenRead(node.LogPath);
            log.Seek(_logStarts.GetValueOrDefault(node.Name), SeekOrigin.Begin);
            using var reader = new StreamReader(log);
            string[] lines = reader.ReadToEnd().Split('\n');
            TestContext.WriteLine("twinsd of {0}:\n{1}", node.Name, string.Join('\n', lines.TakeLast(200)));
        }
    }
}

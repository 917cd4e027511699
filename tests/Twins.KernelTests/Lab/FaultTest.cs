namespace Twins.KernelTests.Lab;

/// <summary>
/// A test that breaks something while an echo server with checked clients moves, brought to a standstill inside a step, so
/// that it doesn't depend on timing where the fault falls.
/// </summary>
public abstract class FaultTest : LabTest
{
    private const string Name = "echo";

    // A broken connection between nodes is noticed and made again, a twinsd that was killed starts again.
    private static readonly TimeSpan SettleTime = TimeSpan.FromSeconds(90);

    private readonly List<CheckedClient> _late = [];
    private CheckedClient _client = null!;
    private PeerCounters _before = null!;

    private protected MobileProcess Server { get; private set; } = null!;

    [TestCleanup]
    public void OpenAllGates()
    {
        foreach (Machine node in IsLabSpent ? [] : TestLab.Nodes)
        {
            CriuGate.Open(node);
            LinkCut.Heal(node);
        }
    }

    private protected void StartServer(params string[] command)
    {
        Server = RunMobile(Home, Name, command.Length > 0 ? command : ["python3", Repository.Rig("traffic.py"), "serve", "7000"]);
        WaitForListener(Home, 7000);
        _client = Talk("10.77.0.2:7000", "--connections", "4", "--rate", "200").WaitUntilReady();
        AssertGoesOn();
        _before = PeerCounters.Read(Peer);
        AssertGoesOn();
    }

    /// <summary>Every connection goes on, and no client has seen the end of one.</summary>
    private protected void AssertGoesOn()
    {
        _client.AssertGoesOn();
        foreach (CheckedClient client in _late)
            client.WaitUntilReady().AssertGoesOn();
        _before?.AssertNothingEnded(PeerCounters.Read(Peer));
    }

    private protected void AssertDone()
    {
        if (Server.Node != Home)
            MoveTo(Home);
        AssertNothingIsLeft();
        _client.Finish();
        foreach (CheckedClient client in _late)
            client.Finish();
    }

    private protected void MoveTo(Machine destination)
    {
        Server.MigrateTo(destination);
        AssertGoesOn();
    }

    private protected BackgroundProgram StartMigration(Machine destination) =>
        StartTwins(Server.Node, "migrate", Name, "--to", destination.Name);

    /// <summary>Starts a migration that stands still in a step (<see cref="StoppedMigration.Steps"/>).</summary>
    private protected StoppedMigration Stop(string step, Machine destination) => StoppedMigration.At(
        step, Server, destination, () => StartMigration(destination),
        () => _late.Add(Talk("10.77.0.2:7000", "--connections", "1", "--rate", "200")));

    /// <summary>As <c>twins ls</c> on a node says it; empty when it isn't there.</summary>
    private protected string StateOn(Machine node) => node.Find(Name)?.GetProperty("state").GetString() ?? "";

    /// <summary>
    /// Once the dust has settled: exactly one node has the process, every node that knows it says so, and its clients go
    /// on without having noticed more than a pause.
    /// </summary>
    private protected void AssertOneRuns(string after)
    {
        int epoch = 0;
        Eventually.Holds(
            () => TestLab.Nodes.Where(node => node.Runs(Server.Pid)).ToArray() is [Machine only] && IsRunning(only, out epoch),
            () => $"after {after} exactly one node runs it: {string.Join("; ", TestLab.Nodes.Select(node => $"{node.Name} {node.StateOf(Server.Pid)} {node.Find(Name)}"))}",
            SettleTime);
        AssertEverywhere(Server, epoch);
        AssertGoesOn();
        Eventually.Holds(() => TestLab.Nodes.All(node => node.CriuPids().Count == 0), () => $"after {after} no CRIU is left: {string.Join("; ", TestLab.Nodes.Select(node => $"{node.Name} {string.Join(' ', node.CriuPids())}"))}");
        if (Server.Node != Home)
            AssertPortIsKept();
    }

    private bool IsRunning(Machine node, out int epoch)
    {
        epoch = 0;
        if (node.Find(Name) is not { } row || row.GetProperty("state").GetString() != "running" || row.GetProperty("node").GetString() != node.Name)
            return false;
        epoch = row.GetProperty("epoch").GetInt32();
        Server.Node = node;
        return true;
    }

    /// <summary>While the process is away no program at home can get its port.</summary>
    private protected static void AssertPortIsKept() => Eventually.Holds(
        () => Home.Exec("python3", "-c", "import socket; socket.socket().bind(('10.77.0.2', 7000))").Error.Contains("Address already in use", StringComparison.Ordinal),
        "home keeps port 7000 from being given away");

    /// <summary>After a link was cut, or a twinsd was away: connections between nodes were given up and are made again.</summary>
    private protected static void WaitUntilNodesMeet()
    {
        foreach (Machine node in TestLab.Nodes)
        {
            Eventually.Reads(
                () => node.Twins("nodes"),
                nodes => nodes.ExitCode == 0 && nodes.Document.EnumerateArray().All(row => row.GetProperty("reachable").GetBoolean()),
                $"{node.Name} reaches all nodes", SettleTime);
        }
    }

    /// <summary>Kills a machine's <c>twinsd</c> and waits until it is back and the others have noticed.</summary>
    private protected static void KillManager(Machine node, Action? beforeItIsBack = null)
    {
        IReadOnlyList<int> old = node.PidsOf("twinsd");
        Assert.HasCount(1, old, $"twinsd on {node.Name}");
        node.Kill(old[0]);
        beforeItIsBack?.Invoke();
        Eventually.Holds(() => node.PidsOf("twinsd") is [int now] && now != old[0] && node.Twins("ls").ExitCode == 0, $"twinsd of {node.Name} is back");
        WaitUntilNodesMeet();
    }

    /// <summary>The twin on whose queue a guest's legs come in: known before the node has a record to show. The rule's mark ends with the queue.</summary>
    private protected static int TwinOfGuest(Machine node) => Eventually.Reads(
        () => node.Shell("""
            queue=$(nft list map inet twins leg_destinations4 2>/dev/null | sed -n 's/.*: 0x7457\([0-9a-f]*\).*/\1/p' | head -n 1)
            [ -z "$queue" ] || pgrep -f 'twin --control' -a | awk -v queue=$((0x$queue)) '{ for (i = 2; i < NF; i++) if ($i == "--queue" && $(i + 1) == queue) print $1 }'
            """).Split('\n', StringSplitOptions.RemoveEmptyEntries),
        twins => twins.Length == 1, $"a twin on {node.Name} has a guest").Select(int.Parse).Single();

    private protected static int TwinOf(Machine node) => node.Twins("show", Name).Exits(0).Document.GetProperty("twinPid").GetInt32();
}

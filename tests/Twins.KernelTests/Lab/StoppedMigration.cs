namespace Twins.KernelTests.Lab;

/// <summary>
/// A migration that stands still inside a step, by something that can happen to it, until it is let go:
/// <code>
/// preflight    the trial of CRIU, which the first migration after a boot makes, doesn't begin at the source
/// prepare      the link to the destination is cut
/// hold         the program doesn't accept a connection
/// checkpoint   CRIU doesn't begin at the source
/// transfer     the link to the destination is cut
/// restore      CRIU doesn't begin at the destination
/// commit       the destination's twin doesn't answer: the process doesn't run yet
/// switch       home's twin doesn't answer: the process runs at the destination, home doesn't know
/// release      CRIU at the source doesn't answer
/// </code>
/// On the way home there is no cabin and no other twin, and a link that is cut is noticed in preflight:
/// <code>
/// prepare      the trial of CRIU doesn't begin at home
/// commit       CRIU at home doesn't answer: the process, whose sockets may speak already, doesn't run yet
/// </code>
/// </summary>
internal sealed class StoppedMigration
{
    /// <summary>In their order.</summary>
    public static readonly IReadOnlyList<string> Steps = ["preflight", "prepare", "hold", "checkpoint", "transfer", "restore", "commit", "switch", "release"];

    private const string Connections = "ss -Htn 'dport = :7000' | wc -l";

    private readonly Machine _source;
    private readonly Machine _destination;
    private readonly MobileProcess _server;
    private readonly Func<BackgroundProgram> _start;
    private Action _letGo = () => { };

    private StoppedMigration(MobileProcess server, Machine destination, Func<BackgroundProgram> start)
    {
        (_source, _destination) = (server.Node, destination);
        (_server, _start) = (server, start);
    }

    /// <summary><c>twins migrate</c>.</summary>
    public BackgroundProgram Program { get; private set; } = null!;

    /// <summary>The process that doesn't answer because it is stopped; 0 if there is none.</summary>
    public int Silent { get; private set; }

    /// <summary>Starts it and waits until it stands still.</summary>
    /// <param name="step">One of <see cref="Steps"/>.</param>
    /// <param name="server">Where it is and what it is called.</param>
    /// <param name="destination">Where it is to go.</param>
    /// <param name="start">Starts <c>twins migrate</c>.</param>
    /// <param name="connect">Opens one more connection to it, and doesn't wait for it.</param>
    public static StoppedMigration At(string step, MobileProcess server, Machine destination, Func<BackgroundProgram> start, Action connect)
    {
        var stopped = new StoppedMigration(server, destination, start);
        switch (step)
        {
            case "preflight":
                stopped.StopAtTrial(server.Node);
                break;
            case "prepare" when destination == server.Home:
                stopped.StopAtTrial(destination);
                break;
            case "prepare":
                stopped._letGo = LinkCut.Now(destination).Dispose;
                stopped.Start("preflight:");
                break;
            case "hold":
                stopped.StopInHold(connect);
                break;
            case "checkpoint":
                stopped.StopAtGate(server.Node, "hold:");
                break;
            case "transfer":
                stopped.StopAtGate(server.Node, "hold:");
                stopped._letGo = LinkCut.Now(destination).Dispose;
                CriuGate.Open(server.Node);
                stopped.Program.WaitFor("checkpoint:");
                break;
            case "restore":
                stopped.StopAtRestore();
                break;
            case "commit" when destination == server.Home:
                stopped.StopBeforeResume(connect);
                break;
            case "commit":
                stopped.StopAfterRestore(destination, TwinOf(destination, stopped), "restore:");
                break;
            case "switch":
                int twin = TwinOf(server.Home, stopped);
                stopped.WaitUntilTwinAnswers();
                stopped.StopAfterRestore(server.Home, twin, "restore:");
                Eventually.Holds(() => destination.IsResumed(server.Pid), $"it runs on {destination.Name}");
                // Without the destination's answer the outcome would be in doubt, not the switch under way.
                Eventually.Holds(() => CommandsToTwins(server.Home) != "", $"{server.Home.Name} was told and tells its twin");
                break;
            case "release":
                stopped.StopAtRestore();
                stopped.StopAfterRestore(server.Node, server.Node.CriuPids().Single(), "commit:");
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(step), step, "no step");
        }
        return stopped;
    }

    /// <summary>What held it up is over.</summary>
    public void LetGo() => _letGo();

    private static int TwinOf(Machine node, StoppedMigration stopped)
    {
        stopped.StopAtRestore();
        return node.Twins("show", stopped._server.Name).Exits(0).Document.GetProperty("twinPid").GetInt32();
    }

    /// <summary>In a freeze that lasts home's twin is told to answer for the frozen sockets. It does by now, so that it will be told of the switch only.</summary>
    private void WaitUntilTwinAnswers()
    {
        long before = Answers();
        Eventually.Holds(() => Answers() > before, "home's twin answers for the frozen sockets");

        long Answers() => _server.Home.Twins("show", _server.Name).Exits(0).Document.GetProperty("zeroWindows").GetInt64();
    }

    private void Start(string until)
    {
        Program = _start();
        Program.WaitFor(until);
    }

    private void StopAtTrial(Machine node)
    {
        CriuGate.CloseBeforeTrial(node);
        _letGo = () => CriuGate.Open(node);
        // One may be waiting for a dump already.
        IReadOnlyList<int> others = node.CriuPids();
        Program = _start();
        Eventually.Holds(() => node.CriuPids().Except(others).Any(), () => $"CRIU is started for a trial: {Program}");
    }

    private void StopInHold(Action connect)
    {
        _source.Kill(_server.Pid, Native.SigStop);
        _letGo = () => _source.Kill(_server.Pid, Native.SigContinue);
        connect();
        // Away from home it listens in its cabin.
        string where = _source == _server.Home ? "" : "nsenter --net=$(echo /run/twins/cabins/*) ";
        Eventually.Holds(() => _source.Shell($"{where}ss -Htln 'sport = :7000'").Split(' ', StringSplitOptions.RemoveEmptyEntries)[1] != "0", "a connection waits in the backlog");
        Start("prepare:");
    }

    private void StopAtGate(Machine node, string until)
    {
        CriuGate.Close(node);
        _letGo = () => CriuGate.Open(node);
        Start(until);
    }

    private void StopAtRestore()
    {
        StopAtGate(_destination, "transfer:");
        if (_destination == _server.Home)
        {
            Eventually.Holds(() => Requests(_destination) != "", $"{_destination.Name} was asked to restore");
            return;
        }
        // A guest's record is written when the request has come.
        Eventually.Reads(() => _destination.Find(_server.Name)?.GetProperty("state").GetString(), state => state == "migrating", $"{_destination.Name} was asked to restore");
    }

    /// <summary>What CRIU, which waits at the gate, is to read: it talks with <c>twinsd</c> over sockets of packets in order.</summary>
    private static string Requests(Machine node) => node.Shell("ss -Hx | awk '$1 == \"u_seq\" && $3 > 0'");

    /// <summary>What a twin, which is stopped, is to read.</summary>
    private static string CommandsToTwins(Machine node) => node.Shell("ss -Hx | awk '$1 == \"u_str\" && $3 > 0 && $5 ~ \"/twins/twins/\"'");

    /// <summary>The source, once it has asked for the restore, is kept from asking for more until CRIU, which has restored, is stopped.</summary>
    private void StopBeforeResume(Action connect)
    {
        StopAtRestore();
        int manager = _source.DaemonPid;
        _source.Kill(manager, Native.SigStop);
        int criu = _destination.CriuPids().Single();
        CriuGate.Open(_destination);
        Eventually.Holds(() => _destination.IsRestored(_server.Pid, criu), $"it is restored on {_destination.Name}");
        _destination.Kill(Silent = criu, Native.SigStop);
        _letGo = () => _destination.Kill(criu, Native.SigContinue);
        _source.Kill(manager, Native.SigContinue);
        Program.WaitFor("restore:");
        Eventually.Holds(() => Requests(_destination) != "", "CRIU was asked to let it go");
        // Not for these sockets: they may come to nothing.
        string before = TestLab.Peer.Shell(Connections);
        connect();
        Eventually.Holds(() => TestLab.Peer.Shell(Connections) != before, "a client connects");
    }

    private void StopAfterRestore(Machine node, int pid, string until)
    {
        node.Kill(Silent = pid, Native.SigStop);
        _letGo = () => node.Kill(pid, Native.SigContinue);
        CriuGate.Open(_destination);
        Program.WaitFor(until);
    }
}

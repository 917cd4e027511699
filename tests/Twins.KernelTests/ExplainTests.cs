using System.Globalization;
using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>Connections stall for a reason that a test makes: <c>twins explain</c> names it, and the remedy.</summary>
[TestClass]
public sealed class ExplainTests : LabTest
{
    private MobileProcess _server = null!;
    private CheckedClient _client = null!;

    [TestInitialize]
    public void StartServer()
    {
        _server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        _client = Talk("10.77.0.2:7000", "--connections", "2", "--rate", "100").WaitUntilReady();
    }

    [TestMethod]
    public void NothingIsWrong_AtHomeAndAway_ItSaysSo_AndWhatItLookedAt()
    {
        AssertFine("home", "process", "state", "twin", "ways", "sockets");
        _server.MigrateTo(Host1);
        _client.AssertGoesOn();
        JsonElement[] findings = AssertFine("home", "twin", "queue", "rules", "other-node", "ways", "drops", "ports", "same-flows");
        foreach (string check in (string[])["process", "twin", "queue", "rules", "other-node", "ways", "drops", "ports", "sockets"])
            Assert.IsTrue(findings.Any(finding => Text(finding, "node") == "host1" && Text(finding, "check") == check), check);
        // Asked at a third node, which has no part in it.
        Assert.AreEqual(6, Host2.Twins("explain", _server.Name).ExitCode);
        _client.Finish();
    }

    [TestMethod]
    public void HeldByHand_IsNamed()
    {
        Home.Exec(Repository.Cli, "hold", _server.Name).Succeeded();
        AssertNamed("home", "state", "is held on somebody's order", "twins release echo");
        Home.Exec(Repository.Cli, "redirect", _server.Name, "--to", "host1").Succeeded();
        AssertNamed("home", "state", "Waits until its sockets are in the cabin", "twins release echo");
        Home.Exec(Repository.Cli, "release", _server.Name).Succeeded();
        _client.AssertGoesOn();
        _client.Finish();
    }

    [TestMethod]
    public void ProgramThatIsStopped_IsNamed_AndThatItReadsNothing()
    {
        _server.MigrateTo(Host1);
        Host1.Kill(_server.Pid, 19);
        Eventually.Holds(() => Host1.StateOf(_server.Pid) == 'T', "it is stopped");
        AssertNamed("host1", "process", "stopped", string.Create(CultureInfo.InvariantCulture, $"kill -CONT {_server.Pid}"));
        AssertNamed("host1", "unread", "doesn't read what has arrived from 10.77.0.1:", "Look at the program");
        Host1.Kill(_server.Pid, 18);
        _client.AssertGoesOn();
        _client.Finish();
    }

    [TestMethod]
    public void RulesThatAnotherProgramFlushed_AreNamed_AndTheRemedyHelps()
    {
        _server.MigrateTo(Host1);
        // Nothing may reach home's stack meanwhile: without its socket it answers RST.
        Home.Shell("nft -f - <<'END'\ntable inet shut { chain in { type filter hook prerouting priority -500; tcp dport 7000 drop; }; }\nEND");
        try
        {
            Home.Shell("nft flush map inet twins connections4; nft flush map inet twins listeners4; nft flush map inet twins leg_sources4");
            AssertNamed("home", "rules", "are gone: another program has changed", "Restart twinsd on this node");
            Configure(Home, "{}");
            Eventually.Holds(() => Findings().All(finding => Text(finding, "check") != "rules" || Text(finding, "outcome") == "ok"), () => $"the rules are back: {string.Join('\n', Findings())}");
        }
        finally
        {
            Home.Shell("nft delete table inet shut");
        }
    }

    [TestMethod]
    public void HostThatCannotBeReached_IsNamed_AndTheNeighbourThatDoesNotAnswer()
    {
        _server.MigrateTo(Host1);
        Host1.Shell("ip link set eth0 down");
        // The kernel would wonder in half a minute.
        Home.Shell("ip neigh change 10.77.0.3 dev eth0 nud probe");
        try
        {
            AssertNamed("host1", "node-reachable", "Node 'host1' didn't answer", "Bring it, or the network to it, back.");
            Eventually.Holds(() => Findings().Any(finding => Text(finding, "check") == "neighbour" && Text(finding, "outcome") == "failed"
                && Text(finding, "detail").StartsWith("10.77.0.3, the next machine on the way", StringComparison.Ordinal)), () => string.Join('\n', Findings()));
        }
        finally
        {
            // The kernel takes IPv6 addresses away with the link.
            Host1.Shell("ip link set eth0 up; ip -6 address replace fd77::3/64 dev eth0 nodad");
        }
    }

    [TestMethod]
    public void PeerThatTakesNothing_IsNamed()
    {
        _ = RunMobile(Home, "source", "python3", "-c", """
            import socket
            l = socket.create_server(('0.0.0.0', 7001))
            while True:
                c, _ = l.accept()
                try:
                    while True: c.sendall(b'x' * 65536)
                except OSError: pass
            """);
        WaitForListener(Home, 7001);
        BackgroundProgram deaf = Start(Peer, "python3", "-c", """
            import socket, time
            s = socket.create_connection(('10.77.0.2', 7001))
            print('connected', flush=True)
            time.sleep(600)
            """);
        deaf.WaitFor("connected");
        Eventually.Holds(() => Home.Twins("explain", "source").Document.EnumerateArray().Any(finding => Text(finding, "check") == "unacknowledged"
            && Text(finding, "outcome") == "failed" && Text(finding, "remedy").Contains("zero-window", StringComparison.Ordinal)),
            () => Home.Twins("explain", "source").ToString());
        _client.Finish();
    }

    private static string Text(JsonElement of, string name) => of.GetProperty(name).GetString()!;

    private JsonElement[] Findings() => [.. Home.Twins("explain", _server.Name).Document.EnumerateArray()];

    private JsonElement[] AssertFine(string node, params string[] checks)
    {
        JsonElement[] findings = [.. Home.Twins("explain", _server.Name).Exits(0).Document.EnumerateArray()];
        Assert.IsTrue(findings.All(finding => Text(finding, "outcome") == "ok" && Text(finding, "remedy") == ""), string.Join('\n', findings));
        foreach (string check in checks)
            Assert.IsTrue(findings.Any(finding => Text(finding, "node") == node && Text(finding, "check") == check), $"{check}: {string.Join('\n', findings)}");
        return findings;
    }

    private void AssertNamed(string node, string check, string cause, string remedy)
    {
        TwinsResult result = Home.Twins("explain", _server.Name);
        // What stands still is seen from one second to the next.
        Eventually.Holds(() => (result = Home.Twins("explain", _server.Name)).Document.EnumerateArray().Any(finding => Text(finding, "node") == node
            && Text(finding, "check") == check && Text(finding, "outcome") == "failed" && Text(finding, "detail").Contains(cause, StringComparison.Ordinal)
            && Text(finding, "remedy").Contains(remedy, StringComparison.Ordinal)), () => result.ToString());
        result.Exits(1);
        CommandResult told = Home.Exec(Repository.Cli, "explain", _server.Name).Exits(1);
        Assert.Contains($"Wrong, on {node}: ", told.Output);
    }
}

using System.Globalization;
using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>Garbage, truncated and oversized messages to everything that listens, and callers without rights: refused, nothing changed.</summary>
[TestClass]
public sealed class HostileInputTests : LabTest
{
    private MobileProcess _server = null!;
    private CheckedClient _client = null!;
    private PeerCounters _before = null!;
    private int _toldBefore;

    [TestMethod]
    public void HookSocket_Garbage_ChangesNothing()
    {
        StartServer();
        Attack(Home, "datagrams", "/run/twins/hook.sock");
        AttackAsNobody(Home, "datagrams", "/run/twins/hook.sock");
        // Two processes of them.
        AssertLogged(2, "was refused a datagram to the hook socket: it is no hook message");
        AssertNothingChanged();
    }

    [TestMethod]
    public void TwinControlEndpoint_Garbage_ChangesNothing()
    {
        StartServer();
        _server.MigrateTo(Host1);
        foreach (Machine node in new[] { Home, Host1 })
        {
            int twin = TwinOf(node);
            foreach (string socket in node.Shell("ls /run/twins/twins/*.sock").Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                Attack(node, "frames", socket);
                JsonElement nobody = AttackAsNobody(node, "frames", socket);
                Assert.AreEqual(nobody.GetProperty("tried").GetInt32(), nobody.GetProperty("refused").GetInt32(), "another user is refused");
            }
            Assert.AreEqual(twin, TwinOf(node), "its twin goes on, and has its connection to twinsd");
        }
        AssertNothingChanged();
    }

    [TestMethod]
    public void LocalSocket_Garbage_ChangesNothing()
    {
        StartServer();
        Attack(Home, "frames", "/run/twins/twinsd.sock");
        AttackAsNobody(Home, "frames", "/run/twins/twinsd.sock");
        AssertLogged(1, "User 0 was refused a connection (Local): ");
        AssertLogged(1, "User 65534 was refused a connection (Local): ");
        AssertNothingChanged();
    }

    [TestMethod]
    [DataRow("7457")]
    [DataRow("7458")]
    public void NodeApi_GarbageAndForeignCertificates_ChangesNothing(string port)
    {
        StartServer();
        JsonElement counts = Attack(Peer, "tcp", $"{Home.Address}:{port}");
        if (port == "7457")
        {
            Assert.AreEqual(0, counts.GetProperty("accepted").GetInt32(), "without a certificate of the cluster there is no session");
            AssertLogged(1, $"{Peer.Address} was refused a connection: it has no certificate");
            AssertLogged(1, $"{Peer.Address} was refused a connection: its certificate is not of this cluster or not valid now; it is for 'CN=home'");
        }
        AssertLogged(1, $"{Peer.Address} was refused a connection (");
        AssertNothingChanged();
    }

    [TestMethod]
    public void NodeApi_StaleEpochAndForeignProcessOfAMember_AreRefusedAndLoggedOnce()
    {
        StartServer();
        _server.MigrateTo(Host1);
        string process = Host1.Shell($"/usr/bin/python3 -c \"import sqlite3; print(sqlite3.connect('/var/lib/twins/table.db').execute('SELECT id FROM process WHERE name = ?', ['{_server.Name}']).fetchone()[0])\"").Trim();
        for (int attempt = 0; attempt < 3; attempt++)
        {
            AssertRefused(Host1, process, epoch: 1, "stale-epoch");
            AssertRefused(Host2, process, epoch: 9, "foreign-process");
        }
        AssertLogged(1, "Node host1 was refused /twins.NodeApi/HoldEndpoints (stale-epoch): ");
        AssertLogged(1, "Node host2 was refused /twins.NodeApi/HoldEndpoints (foreign-process): ");
        AssertNothingChanged();
    }

    [TestMethod]
    public void UserWithoutRights_IsRefusedWithExitCodeFour()
    {
        StartServer();
        string pid = _server.Pid.ToString(CultureInfo.InvariantCulture);
        foreach (string[] arguments in new string[][]
            { ["ls"], ["show", "echo"], ["migrate", "echo", "--to", "host1"], ["hold", "echo"], ["attach", pid], ["cluster", "token"], ["doctor"] })
        {
            CommandResult result = Home.Exec(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", Repository.Cli, .. arguments]);
            Assert.AreEqual(4, result.ExitCode, result.ToString());
        }
        AssertLogged(1, "User 65534 was refused ListProcesses (process ");
        AssertNothingChanged();
    }

    private void StartServer()
    {
        _server = RunMobile(Home, "echo", "/usr/bin/python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        _client = Talk("10.77.0.2:7000", "--connections", "4").WaitUntilReady();
        _client.AssertGoesOn();
        _before = PeerCounters.Read(Peer);
        _toldBefore = Log().Count();
    }

    private int TwinOf(Machine node) => node.Twins("show", _server.Name).Exits(0).Document.GetProperty("twinPid").GetInt32();

    /// <summary>
    /// So many lines of home's log have the text. An earlier test of the lab may have been told already, and told again if home's
    /// twinsd was started anew since.
    /// </summary>
    private void AssertLogged(int lines, string text)
    {
        Eventually.Holds(() => Log().Count(IsIt) >= lines, $"'{text}' in the log");
        Assert.IsLessThanOrEqualTo(lines, Log().Skip(_toldBefore).Count(IsIt), text);

        bool IsIt(string line) => line.Contains(text, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Log() => File.ReadLines(Home.LogPath);

    private static void AssertRefused(Machine caller, string process, int epoch, string code)
    {
        CommandResult answer = caller.Exec("/usr/bin/python3", Repository.Rig("hostile.py"), "hold", $"{Home.Address}:7457", process,
            epoch.ToString(CultureInfo.InvariantCulture)).Succeeded();
        Assert.AreEqual($$"""{"status": "9", "code": "{{code}}"}""", answer.Output.Trim());
    }

    private static JsonElement Attack(Machine machine, string kind, string target) =>
        JsonDocument.Parse(machine.Exec("/usr/bin/python3", Repository.Rig("hostile.py"), kind, target).Succeeded().Output).RootElement;

    private static JsonElement AttackAsNobody(Machine machine, string kind, string target) =>
        // The rig comes over standard input: nobody need not be able to read where the repository lies.
        JsonDocument.Parse(machine.Exec("sh", "-c",
            "exec setpriv --reuid=65534 --regid=65534 --clear-groups -- /usr/bin/python3 - \"$2\" \"$3\" < \"$1\"",
            "sh", Repository.Rig("hostile.py"), kind, target).Succeeded().Output).RootElement;

    private void AssertNothingChanged()
    {
        int epoch = _server.Node == Home ? 1 : 2;
        AssertEverywhere(_server, epoch);
        _client.AssertGoesOn();
        Assert.IsLessThan(3_000_000L, TestLab.Nodes.Sum(node => new FileInfo(node.LogPath).Length), "what is refused doesn't fill the log");
        _server.MigrateTo(Host2);
        _client.AssertGoesOn();
        _server.MigrateTo(Home);
        _client.AssertGoesOn();
        PeerCounters now = PeerCounters.Read(Peer);
        Assert.AreEqual(_before.IcmpErrorsIn, now.IcmpErrorsIn);
        AssertNothingIsLeft();
        _client.Finish();
    }
}

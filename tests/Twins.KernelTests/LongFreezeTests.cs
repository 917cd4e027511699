using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>
/// CRIU doesn't begin at the destination, so the process stays frozen. Its peer would give its connections up after four
/// seconds without an answer.
/// </summary>
[TestClass]
public sealed class LongFreezeTests : LabTest
{
    // More than the probes that a connection survives without an answer, and the retransmissions of those seconds.
    private const int Answers = 9;
    private MobileProcess _server = null!;
    private BackgroundProgram _client = null!;
    private BackgroundProgram _migration = null!;

    [TestMethod]
    public void LongFreeze_PeersWait_AndGoOnAtOnce()
    {
        StartServer();
        Freeze(() =>
        {
            // Not acknowledged before the release.
            _client.Say("2 meanwhile");
            Eventually.Holds(() => _client.HasEnded || ZeroWindows() >= Answers, () => $"peers are answered: {Show()}");
            Assert.IsFalse(_client.HasEnded, _client.ToString());
            Assert.DoesNotContain("answered meanwhile", _client.Output);
        });
        _migration.WaitForEnd().Succeeded();
        _server.Node = Host1;

        // By itself the peer would send again some five seconds from now.
        Eventually.Holds(() => _client.Output.Contains("answered meanwhile", StringComparison.Ordinal), _client.ToString, TimeSpan.FromSeconds(3));
        _client.Say("1 afterwards");
        _client.WaitFor("answered afterwards");
        _server.MigrateTo(Home);
        _client.Say("2 at home");
        _client.WaitFor("answered at home");
    }

    [TestMethod]
    public void LongFreeze_WithoutAnswers_PeersGiveUp()
    {
        Configure(Home, """{"zeroWindowAfter": "0s"}""");
        try
        {
            StartServer();
            Freeze(() => _client.WaitFor("lost"));
            _migration.WaitForEnd().Succeeded();
            _server.Node = Host1;
            _server.MigrateTo(Home);
        }
        finally
        {
            Configure(Home, "{}");
        }
    }

    /// <summary>The move stands still before the restore, and goes on after <paramref name="meanwhile"/>.</summary>
    private void Freeze(Action meanwhile)
    {
        var stopped = StoppedMigration.At("restore", _server, Host1, () => StartTwins(Home, "migrate", _server.Name, "--to", "host1"), () => { });
        _migration = stopped.Program;
        try
        {
            meanwhile();
        }
        finally
        {
            stopped.LetGo();
        }
    }

    private void StartServer()
    {
        _server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        _client = Start(Peer, "python3", Repository.Rig("patience.py"), "10.77.0.2", "7000");
        _client.WaitFor("ready");
        _client.Say("1 before");
        _client.WaitFor("answered before");
    }

    private JsonElement Show() => Home.Twins("show", _server.Name).Exits(0).Document;

    private long ZeroWindows() => Show().GetProperty("zeroWindows").GetInt64();
}

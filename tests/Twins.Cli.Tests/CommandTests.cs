using System.CommandLine;
using System.Diagnostics;
using Grpc.Core;
using Twins.Protocol;

namespace Twins.Cli.Tests;

[TestClass]
public sealed class CommandTests
{
    private static readonly string[] Contract =
    [
        "run", "attach", "ls", "show", "nodes", "migrate", "hold", "redirect", "release", "pause", "resume", "resolve", "doctor", "explain", "capture",
        "cluster init", "cluster join", "cluster token", "lab up", "lab exec", "lab status", "lab down",
    ];

    [TestMethod]
    public async Task EveryCommand_AskedForHelp_SaysWhatItDoes()
    {
        await using var cli = new CommandLineFixture();
        string[][] paths = [.. Commands(CommandTree.Create(cli.Environment()), [])];
        CollectionAssert.IsSubsetOf(Contract, paths.Select(path => string.Join(' ', path)).ToArray());
        foreach (string[] path in paths)
        {
            CommandLineResult result = await cli.RunAsync([.. path, "--help"]);
            Assert.AreEqual(0, result.ExitCode, string.Join(' ', path));
            StringAssert.StartsWith(result.Output, "Description:\n  ");
            StringAssert.Contains(result.Output, $" {string.Join(' ', path)}");
            Assert.AreEqual("", result.Error);
        }
    }

    [TestMethod]
    public async Task Version_IsOneLine()
    {
        await using var cli = new CommandLineFixture();
        Assert.AreEqual(new CommandLineResult(0, "0.1.0\n", ""), await cli.RunAsync("--version"));
    }

    [TestMethod]
    [DataRow("migrate", "redis")]
    [DataRow("migrate", "redis", "--to", "host1", "--path", "teleport")]
    [DataRow("resolve", "redis")]
    [DataRow("resolve", "redis", "--run-here", "--gone")]
    [DataRow("attach", "redis")]
    [DataRow("attach", "0")]
    [DataRow("run")]
    [DataRow("run", "--name", "12", "--", "true")]
    [DataRow("run", "--name", "../x", "--", "true")]
    [DataRow("show")]
    [DataRow("explain")]
    [DataRow("capture", "--count", "0")]
    [DataRow("capture", "--duration", "soon")]
    [DataRow("capture", "--duration", "0")]
    [DataRow("capture", "--follow", "10.77.0.1")]
    [DataRow("capture", "--follow", "10.77.0.1:1,10.77.0.2:2,10.77.0.3:3")]
    [DataRow("capture", "-r", "a.pcapng", "--duration", "5")]
    [DataRow("capture", "-r", "a.pcapng", "--node", "host1")]
    [DataRow("capture", "-r", "a.pcapng", "-w", "./a.pcapng")]
    [DataRow("capture", "--node", "host1", "--interface", "eth0")]
    [DataRow("cluster", "token", "--minutes", "1441")]
    [DataRow("lab", "exec", "home")]
    [DataRow("fly")]
    public async Task WrongArguments_AreRefused_WithUsageCode(params string[] arguments)
    {
        await using var cli = new CommandLineFixture();
        CommandLineResult result = await cli.RunAsync(arguments);
        Assert.AreEqual(2, result.ExitCode);
        Assert.AreEqual("", result.Output);
        StringAssert.StartsWith(result.Error, "twins: ");
    }

    [TestMethod]
    public async Task List_AsJson_IsTheContractsDocument()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new TestData());
        CommandLineResult result = await cli.RunAsync("ls", "--json");
        Assert.AreEqual(new CommandLineResult(0,
            """
            [{"name":"redis","pid":200123,"node":"host1","state":"running","epoch":2,"endpoints":[{"protocol":"tcp","local":"10.77.0.2:6379","remote":"","role":"listener","home":"home","state":"LISTEN"},{"protocol":"tcp","local":"10.77.0.2:6379","remote":"10.77.0.1:40000","role":"server","home":"home","state":"ESTABLISHED"}]}]

            """, ""), result);
    }

    [TestMethod]
    public async Task List_ForPeople_HasARowPerProcess()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new TestData());
        CommandLineResult result = await cli.RunAsync("ls");
        Assert.AreEqual(0, result.ExitCode);
        StringAssert.Matches(result.Output, new("redis +200123 +host1 +home +running +2 +1 +1 "));
    }

    [TestMethod]
    public async Task Show_AsJson_HasEverything()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new TestData());
        CommandLineResult result = await cli.RunAsync("show", "200123", "--json");
        Assert.AreEqual(new CommandLineResult(0,
            """
            {"name":"redis","pid":200123,"node":"host1","state":"running","epoch":2,"endpoints":[{"protocol":"tcp","local":"10.77.0.2:6379","remote":"","role":"listener","home":"home","state":"LISTEN"},{"protocol":"tcp","local":"10.77.0.2:6379","remote":"10.77.0.1:40000","role":"server","home":"home","state":"ESTABLISHED"}],"home":"home","executable":"/usr/bin/redis-server","twinPid":31,"path":"relay","heldPackets":4,"heldBytes":2048,"redirectedPackets":70000,"redirectedBytes":90000000,"zeroWindows":0,"drops":{"hold-full":1,"late":3},"note":"","cabin":"","history":[{"from":"home","to":"host1","epoch":2,"started":"2023-11-14T22:13:20.123Z","outcome":"committed","message":""}],"twinDrops":{"QueueFull":2,"UnknownLeg":5},"nodeDrops":{"Silenced":6}}

            """, ""), result);
    }

    [TestMethod]
    public async Task Show_ForPeople_TellsDropsByReason()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new TestData());
        CommandLineResult result = await cli.RunAsync("show", "redis");
        StringAssert.Matches(result.Output, new("dropped +1 hold-full *\n"));
        StringAssert.Matches(result.Output, new("dropped +5 UnknownLeg \\(by this twin, for no process that it has\\)"));
        StringAssert.Matches(result.Output, new("dropped +6 Silenced \\(by this node's kernel rules, for whichever process\\)"));
        StringAssert.Matches(result.Output, new("10.77.0.2:6379 +10.77.0.1:40000 +server +home +ESTABLISHED"));
    }

    [TestMethod]
    public async Task PauseAndResume_SayWhatStandsStill()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new TestData());
        Assert.AreEqual(new CommandLineResult(0, "redis: paused; it runs on host1\n", ""), await cli.RunAsync("pause"));
        Assert.AreEqual(new CommandLineResult(0, "", "twins: nothing was resumed: nothing is paused\n"), await cli.RunAsync("resume"));
        Assert.AreEqual(new CommandLineResult(0, "[]\n", ""), await cli.RunAsync("resume", "--json"));
        StringAssert.StartsWith((await cli.RunAsync("pause", "--json")).Output, "[{\"name\":\"redis\",\"pid\":200123,");
    }

    [TestMethod]
    public async Task Show_UnknownProcess_EndsWith6()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new TestData());
        Assert.AreEqual(new CommandLineResult(6, "", "twins: no mobile process 'nginx'\n"), await cli.RunAsync("show", "nginx"));
        CommandLineResult json = await cli.RunAsync("show", "nginx", "--json");
        Assert.AreEqual("{\"error\":{\"code\":\"not-found\",\"message\":\"no mobile process 'nginx'\"}}\n", json.Output);
    }

    [TestMethod]
    public async Task Nodes_AsJson_TellsWhoIsReachable()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new TestData());
        CommandLineResult result = await cli.RunAsync("nodes", "--json");
        Assert.AreEqual(new CommandLineResult(0,
            """
            [{"name":"home","address":"10.77.0.2:7457","self":true,"reachable":true,"version":"0.1.0","kernel":"6.18.0","criu":"4.2.1","processes":1,"roundTripMilliseconds":0,"problem":""},{"name":"host1","address":"10.77.0.3:7457","self":false,"reachable":false,"version":"","kernel":"","criu":"","processes":0,"roundTripMilliseconds":0,"problem":"no route to host"}]

            """, ""), result);
    }

    [TestMethod]
    [DataRow("ls")]
    [DataRow("nodes")]
    [DataRow("show", "redis")]
    [DataRow("migrate", "redis", "--to", "host1")]
    [DataRow("cluster", "init")]
    public async Task NoDaemon_EndsWith5_AndSaysHowToStartIt(params string[] arguments)
    {
        await using var cli = new CommandLineFixture();
        CommandLineResult result = await cli.RunAsync(arguments);
        Assert.AreEqual(5, result.ExitCode);
        Assert.AreEqual("", result.Output);
        StringAssert.StartsWith(result.Error, "twins: twinsd isn't running on this node");
        StringAssert.Contains(result.Error, "build/twinsd/twinsd");
    }

    [TestMethod]
    [DataRow("install")]
    [DataRow("remove")]
    [DataRow("start")]
    [DataRow("stop")]
    public async Task Service_OnLinux_IsSystemdsBusiness(string verb)
    {
        await using var cli = new CommandLineFixture();
        Assert.AreEqual(
            new CommandLineResult(2, "", "twins: twins service is for Windows. Here systemd runs services: use systemctl.\n"),
            await cli.RunAsync("service", verb));
    }

    [TestMethod]
    [DataRow(StatusCode.PermissionDenied, 4, "permission-denied")]
    [DataRow(StatusCode.InvalidArgument, 2, "invalid-argument")]
    [DataRow(StatusCode.FailedPrecondition, 1, "failed-precondition")]
    [DataRow(StatusCode.Internal, 1, "internal")]
    public async Task RefusedCall_HasTheStatusesExitCode(StatusCode status, int exitCode, string code)
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new Refusing(status));
        CommandLineResult result = await cli.RunAsync("ls", "--json");
        Assert.AreEqual(new CommandLineResult(exitCode,
            $"{{\"error\":{{\"code\":\"{code}\",\"message\":\"because\"}}}}\n", "twins: because\n"), result);
    }

    [TestMethod]
    [DataRow("lab status --json", 1, "No space left on device")]
    [DataRow("ls --json", 5, "twinsd isn't running on this node")]
    public async Task OutputThatTakesNothing_IsAFailure_NotACrash(string command, int exitCode, string error)
    {
        await using var cli = new CommandLineFixture();
        ProcessStartInfo start = BuiltCli.Start();
        start.FileName = "sh";
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add($"exec {BuiltCli.Path} {command} >/dev/full");
        start.Environment["TWINS_LAB"] = Path.Combine(cli.Directory, "lab");
        start.Environment["TWINS_SOCKET"] = Path.Combine(cli.Directory, "twinsd.sock");
        using Process process = Process.Start(start)!;
        string said = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.AreEqual(exitCode, process.ExitCode, said);
        StringAssert.StartsWith(said, $"twins: {error}");
        Assert.AreEqual(1, said.Count(letter => letter == '\n'), said);
    }

    [TestMethod]
    public async Task Doctor_WithoutDaemon_StillTellsWhatItSees()
    {
        await using var cli = new CommandLineFixture();
        CommandLineResult result = await cli.RunAsync("doctor", "--json");
        Assert.AreEqual(5, result.ExitCode);
        StringAssert.StartsWith(result.Output, "[{\"check\":\"daemon-file\",\"outcome\":\"failed\"");
        StringAssert.Contains(result.Output, "{\"check\":\"daemon\",\"outcome\":\"failed\"");
    }

    [TestMethod]
    public async Task Explain_WithSomethingWrong_NamesCauseAndRemedy_AndFails()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new Explaining("failed"));
        CommandLineResult text = await cli.RunAsync("explain", "redis");
        Assert.AreEqual(1, text.ExitCode);
        StringAssert.StartsWith(text.Output, "Wrong, on host1: the program stands [still]\n  What to do: look at it\n");
        StringAssert.Contains(text.Output, "it answers");
        Assert.AreEqual(new CommandLineResult(1,
            """
            [{"node":"host1","check":"process","outcome":"failed","detail":"the program stands [still]","remedy":"look at it"},{"node":"home","check":"twin","outcome":"ok","detail":"it answers","remedy":""}]

            """, ""), await cli.RunAsync("explain", "redis", "--json"));
    }

    [TestMethod]
    public async Task Explain_WithAWarningAlone_Succeeds_AndSaysThatNothingIsWrong()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new Explaining("warning"));
        CommandLineResult text = await cli.RunAsync("explain", "redis");
        Assert.AreEqual(0, text.ExitCode);
        StringAssert.StartsWith(text.Output, "Note, on host1: the program stands [still]\n");
        StringAssert.Contains(text.Output, "Nothing that was looked at keeps the connections of 'redis' from going on:");
    }

    [TestMethod]
    public async Task Capture_OfAFile_NeedsNoDaemon_AndShowsNoPayload()
    {
        // One packet as tcpdump writes it: redis-cli's SET of SECRET over Ethernet.
        const string File = "d4c3b2a1020004000000000000000000000004000100000000000000" + "00000000" + "4c0000004c000000"
            + "0ec3a9274cce0aa22c5438d80800" + "4500003e0001400040060000" + "0a4d00010a4d0002" + "9c4018eb0000000100000001501800400000" + "0000" + "534554204b455920534543524554205345435245540d";
        await using var cli = new CommandLineFixture();
        string path = Path.GetTempFileName();
        try
        {
            await System.IO.File.WriteAllBytesAsync(path, Convert.FromHexString(File));
            CommandLineResult text = await cli.RunAsync("capture", "-r", path);
            Assert.AreEqual(0, text.ExitCode, text.ToString());
            StringAssert.Contains(text.Output, "  -  -  10.77.0.1:40000 > 10.77.0.2:6379  P. seq 1 ack 1 win 64 len 22\n");
            StringAssert.Contains(text.Output, "1 packets.");
            Assert.IsFalse(text.Output.Contains("SECRET", StringComparison.Ordinal), text.Output);
            CommandLineResult payload = await cli.RunAsync("capture", "-r", path, "--payload");
            StringAssert.Contains(payload.Output, "    SET KEY SECRET SECRET\\x0d\n");
        }
        finally
        {
            System.IO.File.Delete(path);
        }
    }

    private static IEnumerable<string[]> Commands(Command command, string[] path) =>
        command.Subcommands.Where(child => !child.Hidden).SelectMany(child => Commands(child, [.. path, child.Name])).Prepend(path);

    private sealed class Explaining(string outcome) : LocalApi.LocalApiBase
    {
        public override Task<ExplainReply> ExplainProcess(ProcessRequest request, ServerCallContext context) => Task.FromResult(new ExplainReply
        {
            Findings =
            {
                new Finding { Node = "host1", Check = "process", Outcome = outcome, Detail = "the program stands [still]", Remedy = "look at it" },
                new Finding { Node = "home", Check = "twin", Outcome = "ok", Detail = "it answers" },
            },
        });
    }

    private sealed class Refusing(StatusCode status) : LocalApi.LocalApiBase
    {
        public override Task<ListProcessesReply> ListProcesses(ListProcessesRequest request, ServerCallContext context) =>
            throw new RpcException(new Grpc.Core.Status(status, "because"));
    }
}

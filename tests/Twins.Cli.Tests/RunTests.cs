using System.Diagnostics;
using System.Globalization;
using Grpc.Core;
using Twins.Cli.Native;
using Twins.Cli.Processes;
using Twins.Protocol;

namespace Twins.Cli.Tests;

/// <summary>Needs what <c>src/Twins.Hook</c> builds.</summary>
[TestClass]
public sealed class RunTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [TestMethod]
    public async Task Program_PassesItsOutputAndExitCodeThrough()
    {
        var node = new Node();
        await using CommandLineFixture cli = await StartAsync(node);
        CommandLineResult result = await cli.RunAsync(
            "run", "--name", "greeter", "--", "sh", "-c", Waiting(cli) + "echo out; printf err >&2; exit 3");
        Assert.AreEqual(new CommandLineResult(3,
            $"greeter {node.Attached!.Pid}\nout\n", "err"), result);
        Assert.AreEqual("greeter", node.Attached.Name);
        Assert.AreEqual(Path.Combine(cli.Directory, "output", "greeter.out"), node.Attached.OutputPath);
        Assert.AreEqual(Path.Combine(cli.Directory, "output", "greeter.err"), node.Attached.ErrorPath);
    }

    [TestMethod]
    public async Task Program_IsItselfAlreadyWhenItIsAttached()
    {
        var node = new Node { OnAttach = (request, node) => node.Executable = File.ResolveLinkTarget($"/proc/{request.Pid}/exe", true)!.FullName };
        await using CommandLineFixture cli = await StartAsync(node);
        await cli.RunAsync("run", "--", "sleep", "0.3");
        StringAssert.EndsWith(node.Executable, "/sleep");
        Assert.AreEqual("sleep", node.Attached!.Name);
    }

    [TestMethod]
    public async Task TakenName_GetsANumber_UnlessItWasAskedFor()
    {
        var node = new Node();
        await using CommandLineFixture cli = await StartAsync(node);
        node.Processes.Add(new ProcessInfo { Name = "sleep", State = "running" });
        await cli.RunAsync("run", "--", "sleep", "0.3");
        Assert.AreEqual("sleep-2", node.Attached!.Name);
        CommandLineResult refused = await cli.RunAsync("run", "--name", "sleep", "--", "sleep", "0.3");
        Assert.AreEqual(new CommandLineResult(1, "", "twins: a process called 'sleep' runs already (twins show sleep)\n"), refused);
    }

    [TestMethod]
    public async Task ProgramThatEndsAtOnce_HasItsExitCode()
    {
        await using CommandLineFixture cli = await StartAsync(new Node { Refuse = "no such process" });
        Assert.AreEqual(5, (await cli.RunAsync("run", "--", "sh", "-c", "exit 5")).ExitCode);
    }

    [TestMethod]
    public async Task ProgramThatIsNotThere_EndsAsInAShell()
    {
        await using CommandLineFixture cli = await StartAsync(new Node());
        Assert.AreEqual(127, (await cli.RunAsync("run", "--", "no-such-program-anywhere")).ExitCode);
    }

    [TestMethod]
    public async Task AttachRefused_StopsTheProgram()
    {
        var node = new Node { Refuse = "it can't be moved" };
        await using CommandLineFixture cli = await StartAsync(node);
        CommandLineResult result = await cli.RunAsync("run", "--", "sleep", "60");
        Assert.AreEqual(new CommandLineResult(1, "", "twins: it can't be moved\n"), result);
        Assert.IsFalse(node.Identity.IsAlive);
    }

    [TestMethod]
    public async Task ProgramThatMovedAway_EndsWith0_AndSaysWhere()
    {
        var node = new Node
        {
            OnAttach = (request, node) =>
            {
                // What the home node does once the destination has committed.
                node.Processes[0].Node = "host1";
                node.Processes[0].Epoch = 2;
                _ = LibC.Kill(request.Pid, LibC.SigKill);
            },
        };
        await using CommandLineFixture cli = await StartAsync(node);
        CommandLineResult result = await cli.RunAsync("run", "--name", "mover", "--", "sleep", "60");
        Assert.AreEqual(0, result.ExitCode);
        Assert.AreEqual("twins: mover moved to host1; it runs on there\n", result.Error);
    }

    [TestMethod]
    public async Task DetachedProgram_RunsOn()
    {
        var node = new Node();
        await using CommandLineFixture cli = await StartAsync(node);
        try
        {
            CommandLineResult result = await cli.RunAsync("run", "--detach", "--name", "server", "--", "sleep", "60");
            Assert.AreEqual(new CommandLineResult(0, $"server {node.Attached!.Pid}\n", ""), result);
            Assert.IsTrue(node.Identity.IsAlive);
        }
        finally
        {
            node.Identity.Kill();
        }
    }

    [TestMethod]
    public async Task Interrupt_GoesToTheProgram()
    {
        var attached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var node = new Node { OnAttach = (_, _) => attached.SetResult() };
        await using CommandLineFixture cli = await StartAsync(node);
        string ready = Path.Combine(cli.Directory, "ready");
        // The output files of this one go into the machine's directory: a private one for the test.
        ProcessStartInfo start = BuiltCli.Start("run", "--name", "trapper", "--",
            "sh", "-c", $"trap 'exit 42' INT; touch {ready}; while :; do sleep 0.05; done");
        string[] arguments = ["--mount", "sh", "-c", "mount -t tmpfs twins-test /var/lib && exec \"$0\" \"$@\"", start.FileName, .. start.ArgumentList];
        start.FileName = "unshare";
        start.ArgumentList.Clear();
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment["TWINS_SOCKET"] = Path.Combine(cli.Directory, "twinsd.sock");
        using Process process = Process.Start(start)!;
        try
        {
            Assert.AreEqual($"trapper ", (await process.StandardOutput.ReadLineAsync())![..8]);
            await WaitAsync(() => File.Exists(ready));
            // Until it is taken: the CLI registers for the signal just after that line.
            while (!process.HasExited && node.Identity.IsAlive)
            {
                _ = LibC.Kill(process.Id, LibC.SigInt);
                await Task.WhenAny(process.WaitForExitAsync(), Task.Delay(200));
            }
            await process.WaitForExitAsync().WaitAsync(Limit);
            Assert.AreEqual(42, process.ExitCode);
        }
        finally
        {
            node.Identity.Kill();
            process.Kill();
        }
    }

    private static async Task WaitAsync(Func<bool> condition)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.IsTrue(Stopwatch.GetElapsedTime(start) < Limit, "waited too long");
            await Task.Delay(10);
        }
    }

    private static async Task<CommandLineFixture> StartAsync(Node node)
    {
        CommandLineFixture cli = await CommandLineFixture.WithServerAsync(node);
        cli.Built = true;
        node.Go = Path.Combine(cli.Directory, "go");
        return cli;
    }

    /// <summary>Shell commands that wait until the program is attached.</summary>
    private static string Waiting(CommandLineFixture cli) =>
        $"until [ -e {Path.Combine(cli.Directory, "go")} ]; do sleep 0.02; done; ";

    private sealed class Node : LocalApi.LocalApiBase
    {
        public AttachRequest? Attached { get; private set; }

        public ProcessIdentity Identity { get; private set; }

        public string? Go { get; set; }

        public string? Executable { get; set; }

        public string? Refuse { get; init; }

        public Action<AttachRequest, Node>? OnAttach { get; init; }

        public List<ProcessInfo> Processes { get; } = [];

        public override Task<ProcessInfo> Attach(AttachRequest request, ServerCallContext context)
        {
            Attached = request;
            Identity = ProcessIdentity.Of(request.Pid) ?? default;
            if (Refuse is not null)
                throw new RpcException(new Grpc.Core.Status(StatusCode.FailedPrecondition, Refuse));
            var process = new ProcessInfo
            {
                ProcessId = request.Pid.ToString(CultureInfo.InvariantCulture),
                Name = request.Name,
                Pid = request.Pid,
                Node = "home",
                State = "running",
                Epoch = 1,
            };
            Processes.Insert(0, process);
            ProcessInfo reply = process.Clone();
            OnAttach?.Invoke(request, this);
            File.WriteAllText(Go!, "");
            return Task.FromResult(reply);
        }

        public override Task<ListProcessesReply> ListProcesses(ListProcessesRequest request, ServerCallContext context) =>
            Task.FromResult(new ListProcessesReply { Processes = { Processes } });
    }
}

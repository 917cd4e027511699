using System.Diagnostics;
using Twins.Hook.Windows.Tests.Support;
using Twins.Manager.Tests.Processes;
using Twins.Protocol;

namespace Twins.Hook.Windows.Tests;

/// <summary><c>twins run</c>, with the real launcher and hook and a node that is the test.</summary>
[TestClass]
public sealed class RunTests
{
    [TestMethod]
    public async Task Program_IsAttached_AndItsOutputAndExitCodePassThrough()
    {
        await using var node = await StartAsync();
        var result = await node.RunAsync("run", "--name", "greeter", "--", Built.Program("speaker"), node.Go);
        // What is attached is the program, not its launcher: it prints its own PID.
        Assert.AreEqual((3, $"greeter {node.Attached!.Pid}\n{node.Attached.Pid}\n", "spoken"), result);
        Assert.AreEqual("greeter", node.Attached.Name);
        Assert.AreEqual(Path.Combine(node.Directory, "output", "greeter.out"), node.Attached.OutputPath);
        Assert.AreEqual(Path.Combine(node.Directory, "output", "greeter.err"), node.Attached.ErrorPath);
    }

    [TestMethod]
    public async Task Program_HasTheHook()
    {
        using var listening = new Listening();
        await using var node = await StartAsync();
        Environment.SetEnvironmentVariable(Listening.PipeVariable, listening.Path);
        try
        {
            await node.RunAsync("run", "--", Built.Program("speaker"), node.Go);
        }
        finally
        {
            Environment.SetEnvironmentVariable(Listening.PipeVariable, null);
        }

        Assert.AreEqual("Bind 6 127.0.0.1:7171 0.0.0.0:0", await listening.NextAsync(node.Attached!.Pid, 1));
    }

    [TestMethod]
    public async Task Name_IsTheProgramsWithoutExe_WithANumberWhereItIsTaken()
    {
        await using var node = await StartAsync();
        node.Processes.Add(new ProcessInfo { Name = "speaker", State = "running" });
        await node.RunAsync("run", "--", Built.Program("speaker"), node.Go);
        Assert.AreEqual("speaker-2", node.Attached!.Name);
    }

    [TestMethod]
    public async Task DetachedProgram_RunsOn_AndWritesToItsFiles()
    {
        await using var node = await StartAsync();
        var file = Path.Combine(node.Directory, "later");
        var result = await node.RunAsync("run", "--detach", "--name", "server", "--", Built.Program("speaker"), file);
        Assert.AreEqual((0, $"server {node.Attached!.Pid}\n", ""), result);
        Assert.IsFalse(node.Process!.HasExited);
        Assert.AreEqual(0, Wait.Until(() => Process.GetProcessesByName("twins-exec").Length, launchers => launchers == 0));

        await File.WriteAllTextAsync(file, "");
        await node.Process.WaitForExitAsync();
        Assert.AreEqual($"{node.Attached.Pid}\r\n", Read(node.Attached.OutputPath));
        Assert.AreEqual("spoken", Read(node.Attached.ErrorPath));
    }

    // Its program's handle may be closed a moment after the program has ended.
    private static string Read(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    [TestMethod]
    public async Task CtrlC_ReachesTheProgram_WhoseAffairItIs()
    {
        var directory = Directory.CreateTempSubdirectory("twins-ctrl-c-").FullName;
        var go = Path.Combine(directory, "go");
        // A console of its own, or the tests would get Ctrl-C too.
        var start = new ProcessStartInfo(Environment.ProcessPath!, [EntryPoint.AsTwins, "run", "--name", "trapper", "--", Built.Program("interrupter"), go])
        {
            CreateNoWindow = true,
            RedirectStandardOutput = true,
        };
        using var twins = Process.Start(start)!;
        Assert.AreEqual("trapper ", (await twins.StandardOutput.ReadLineAsync())?[..8]);
        await File.WriteAllTextAsync(go, "");
        Assert.AreEqual("", await twins.StandardOutput.ReadToEndAsync());
        await twins.WaitForExitAsync();
        Assert.AreEqual(7, twins.ExitCode);
        Directory.Delete(directory, recursive: true);
    }

    [TestMethod]
    public async Task AttachRefused_StopsTheProgram()
    {
        await using var node = await StartAsync("it can't be taken");
        var result = await node.RunAsync("run", "--", Built.Program("speaker"), Path.Combine(node.Directory, "never"));
        Assert.AreEqual((1, "", "twins: it can't be taken\n"), result);
        Assert.IsTrue(Wait.Until(() => node.Process!.HasExited, ended => ended));
    }

    // The launcher says why, on the standard error that it has from this process.
    [TestMethod]
    public async Task ProgramThatIsNotThere_EndsWith127()
    {
        await using var node = await StartAsync();
        Assert.AreEqual((127, "", ""), await node.RunAsync("run", "--", "no-such-program-anywhere"));
        Assert.IsNull(node.Attached);
    }

    [TestMethod]
    public async Task Program32Bit_EndsWith126()
    {
        await using var node = await StartAsync();
        Assert.AreEqual((126, "", ""), await node.RunAsync("run", "--", Built.Program("thirtytwo")));
        Assert.IsNull(node.Attached);
    }

    [TestMethod]
    [DataRow("lab up")]
    [DataRow("lab exec home -- x")]
    [DataRow("lab status")]
    [DataRow("lab down")]
    [DataRow("demo")]
    public async Task LabAndDemo_SayThatTheyNeedLinux(string command)
    {
        await using var node = await StartAsync();
        Assert.AreEqual(
            (2, "", "twins: this needs Linux: the lab's machines are network namespaces, and what moves in the demo is moved by CRIU\n"),
            await node.RunAsync(command.Split(' ')));
    }

    private static async Task<LocalNode> StartAsync(string? refuse = null)
    {
        var node = new LocalNode { Refuse = refuse };
        await node.StartAsync();
        return node;
    }
}

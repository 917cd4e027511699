using System.Diagnostics;

namespace Twins.Hook.Tests;

[TestClass]
public sealed class LauncherTests
{
    private const string Describe = """
        import os
        print([os.readlink(f"/proc/self/fd/{n}") for n in range(64) if os.path.exists(f"/proc/self/fd/{n}")])
        print(os.getsid(0) == os.getpid(), os.getcwd(), os.environ.get("LD_PRELOAD"))
        try: os.open("/dev/tty", os.O_RDWR); print("terminal")
        except OSError: print("no terminal")
        print("to stderr", file=__import__("sys").stderr)
        """;

    [TestMethod]
    public void Program_Started_HasFilesASessionAndTheHookAndNothingElse()
    {
        using var bench = new Workbench();
        var (output, error) = Files(bench);
        // Bash opens descriptors 7 and 8 that must not reach the program; exec keeps the launcher's PID.
        using var process = Process.Start(new ProcessStartInfo("bash",
        [
            "-c", "exec 7</etc/passwd 8>/dev/null; exec \"$@\"", "-", Workbench.Launcher,
            "--stdout", output, "--stderr", error, "--hook", Workbench.Library, "--", "python3", "-c", Describe,
        ])
        { WorkingDirectory = bench.Directory, Environment = { ["LD_PRELOAD"] = "libc.so.6" } })!;
        process.WaitForExit();

        Assert.AreEqual(0, process.ExitCode);
        var lines = File.ReadAllLines(output);
        Assert.AreEqual($"['/dev/null', '{output}', '{error}']", lines[0]);
        Assert.AreEqual($"True {bench.Directory} {Workbench.Library}:libc.so.6", lines[1]);
        Assert.AreEqual("no terminal", lines[2]);
        Assert.AreEqual("to stderr\n", File.ReadAllText(error));
    }

    [TestMethod]
    public void OutputFile_ThatExists_IsAppendedTo()
    {
        using var bench = new Workbench();
        var (output, error) = Files(bench);
        File.WriteAllText(output, "before\n");
        Assert.AreEqual(0, Launch("--stdout", output, "--stderr", error, "--", "echo", "after").ExitCode);
        Assert.AreEqual("before\nafter\n", File.ReadAllText(output));
    }

    [TestMethod]
    public void ExitCode_OfTheProgram_IsTheLaunchers()
    {
        using var bench = new Workbench();
        var (output, error) = Files(bench);
        Assert.AreEqual(7, Launch("--stdout", output, "--stderr", error, "--", "sh", "-c", "exit 7").ExitCode);
    }

    [TestMethod]
    public void CommandThatDoesNotExist_IsRefusedWith127()
    {
        using var bench = new Workbench();
        var (output, error) = Files(bench);
        var (exitCode, message) = Launch("--stdout", output, "--stderr", error, "--", "/nonexistent/program");
        Assert.AreEqual(127, exitCode);
        Assert.AreEqual("twins-exec: /nonexistent/program: No such file or directory\n", message);
    }

    [TestMethod]
    public void CommandThatIsNoProgram_IsRefusedWith126()
    {
        using var bench = new Workbench();
        var (output, error) = Files(bench);
        var (exitCode, message) = Launch("--stdout", output, "--stderr", error, "--", "/etc/passwd");
        Assert.AreEqual(126, exitCode);
        Assert.AreEqual("twins-exec: /etc/passwd: Permission denied\n", message);
    }

    [TestMethod]
    public void OutputFileThatCannotBeMade_IsRefusedWith125()
    {
        using var bench = new Workbench();
        var (exitCode, message) = Launch("--stdout", "/nonexistent/out", "--stderr", "/dev/null", "--", "true");
        Assert.AreEqual(125, exitCode);
        Assert.AreEqual("twins-exec: /nonexistent/out: No such file or directory\n", message);
    }

    [TestMethod]
    public void MissingOptions_AreAUsageError()
    {
        Assert.AreEqual(2, Launch("--", "true").ExitCode);
        Assert.AreEqual(2, Launch("--stdout", "/dev/null", "--stderr", "/dev/null").ExitCode);
    }

    [TestMethod]
    [DataRow("sleep 0.2", "", DisplayName = "started: end of file and no line")]
    [DataRow("/nonexistent/program", "twins-exec: /nonexistent/program: No such file or directory\n", DisplayName = "not started: the reason")]
    public void ReadyDescriptor_TellsWhetherTheProgramStarted(string command, string told)
    {
        using var bench = new Workbench();
        var (output, error) = Files(bench);
        // Descriptor 9 is the pipe to `cat`; standard error is out of the way.
        var script = $"{{ \"$0\" --stdout {output} --stderr {error} --ready-fd 9 -- {command} 9>&1 1>/dev/null 2>/dev/null; }} | cat";
        var (_, heard) = bench.Run("bash", ["-c", script, Workbench.Launcher], hooked: false);
        Assert.AreEqual(told, heard);
    }

    private static (string Output, string Error) Files(Workbench bench) =>
        (Path.Combine(bench.Directory, "out"), Path.Combine(bench.Directory, "err"));

    private static (int ExitCode, string Message) Launch(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Workbench.Launcher, arguments) { RedirectStandardError = true })!;
        var message = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, message);
    }
}

using System.Diagnostics;
using System.Text.Json;

namespace Twins.KernelTests.Lab;

/// <summary>
/// A <c>twinsd</c> outside of any lab, in network, mount and process namespaces of its own, with directories of its own: so that
/// what it finds on its machine can be spoilt. It is PID 1 there, as in a container, and in no cluster.
/// </summary>
internal sealed class LoneDaemon : IDisposable
{
    // On a busy machine.
    private static readonly TimeSpan StartTime = TimeSpan.FromMinutes(2);

    private readonly string _directory = Directory.CreateTempSubdirectory("twins-lone-").FullName;
    private BackgroundProgram? _program;

    public string RunDirectory => Path.Combine(_directory, "run");

    public string ClusterDirectory => Path.Combine(_directory, "state", "cluster");

    private string Socket => Path.Combine(RunDirectory, "twinsd.sock");

    /// <summary>Starts it, after the one before has ended.</summary>
    /// <param name="spoil">A shell script that is run before, in its namespaces. <c>$d</c> is a directory for it.</param>
    /// <param name="with">What <c>twinsd</c> is started by: a program that ends in executing it.</param>
    /// <param name="options">Of <c>twinsd</c>.</param>
    public LoneDaemon Start(string spoil = "", string with = "", params string[] options)
    {
        Stop();
        // Other users must be able to reach the socket.
        Run("chmod", "755", _directory);
        string script = $"""
            d={_directory}
            ip link set lo up
            {spoil}
            exec {with} "$@"
            """;
        var start = new ProcessStartInfo("unshare",
        [
            "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--", "sh", "-ec", script, "sh",
            Path.Combine(Repository.Root, "build", "twinsd", "twinsd"), "--run-directory", RunDirectory,
            "--state-directory", Path.Combine(_directory, "state"), "--node-name", "lone", "--address", "127.0.0.1", .. options,
        ])
        { WorkingDirectory = "/" };
        start.Environment["TWINS_HOME"] = Repository.Root;
        _program = new BackgroundProgram(start, $"twinsd {string.Join(' ', options)}");
        Eventually.Holds(() => _program.HasEnded || Twins("ls").ExitCode == 0, () => $"it answers: {_program}", StartTime);
        Assert.IsFalse(_program.HasEnded, _program.ToString());
        return this;
    }

    /// <summary>Runs a shell script on its machine.</summary>
    public void Spoil(string script)
    {
        int entering = _program!.EnteringPid;
        string child = File.ReadAllText($"/proc/{entering}/task/{entering}/children").Split(' ')[0];
        Run("nsenter", "-t", child, "-n", "-m", "--", "sh", "-ec", script).Succeeded();
    }

    /// <summary>Runs <c>twins ARGUMENTS --json</c> against it, as root.</summary>
    public TwinsResult Twins(params string[] arguments) => new(Run([Repository.Cli, .. arguments, "--json"]));

    /// <summary>The same as a user without rights.</summary>
    public TwinsResult TwinsAsNobody(params string[] arguments) =>
        new(Run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", Repository.Cli, .. arguments, "--json"]));

    /// <summary>What <c>twins doctor</c> says of a check: outcome, detail and remedy.</summary>
    public (string Outcome, string Detail, string Remedy) Diagnose(string check, int exitCode)
    {
        JsonElement found = Twins("doctor").Exits(exitCode).Document.EnumerateArray().Single(row => row.GetProperty("check").GetString() == check);
        return (found.GetProperty("outcome").GetString()!, found.GetProperty("detail").GetString()!, found.GetProperty("remedy").GetString()!);
    }

    public void Stop()
    {
        _program?.Dispose();
        _program = null;
    }

    public void Dispose()
    {
        Stop();
        Directory.Delete(_directory, recursive: true);
    }

    private CommandResult Run(params string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        start.Environment["TWINS_HOME"] = Repository.Root;
        start.Environment["TWINS_SOCKET"] = Socket;
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new CommandResult(string.Join(' ', command), process.ExitCode, output, error.Result);
    }
}
